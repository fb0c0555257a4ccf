"""Whether Twilio's own library takes these signatures for Twilio's.

A JSON array on stdin: of each request its `url`, its `body` (the members of a form, or a text) and its
`signature`, which the auth token, the only argument, has made.
"""

import json
import sys

from signing import other
from twilio.request_validator import RequestValidator

twilio = RequestValidator(sys.argv[1])
requests = json.load(sys.stdin)
assert requests, "nothing is checked"
for request in requests:
    url, body, signature = request["url"], request["body"], request["signature"]
    assert twilio.validate(url, body, signature), f"refused: {request}"
    assert not twilio.validate(url, body, other(signature)), f"a signature of nothing is taken: {request}"
    print(url)
