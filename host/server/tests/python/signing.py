"""Asks a server as Twilio does, with the signatures of Twilio's own library, and once more with one
character of each signature changed: the first is answered, the second refused.

    signing.py ADDRESS AUTH_TOKEN SHARED_KEY

ADDRESS is HOST:PORT. The host that is asked for, and signed, is another one, as behind a tunnel.
"""

import http.client
import json
import sys
from urllib.parse import urlencode

from twilio.request_validator import HMAC_SHA256, SIGNATURE_HEADER, SIGNATURE_SETTINGS_HEADER, RequestValidator

HOST = "agent.example.com"
PUBLIC = f"https://{HOST}"
SID = "CA00000000000000000000000000000001"
CALL = {"CallSid": SID, "From": "+15555550199", "To": "+15555550101", "CallStatus": "ringing", "Direction": "inbound"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
JSON = {"Content-Type": "application/json"}
# the key is the example of RFC 6455
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Repeated(dict):
    """A form in which a name may stand more than once, as the library knows it of web frameworks."""

    getlist = dict.__getitem__


def send(address, method, target, headers, body=None):
    """Without anything of its own; the status, and the text that was answered."""
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response.status, "" if response.status == 101 else response.read().decode()
    finally:
        connection.close()


def other(signature):
    """The same, but for a character in its middle."""
    middle = len(signature) // 2
    return signature[:middle] + ("B" if signature[middle] == "A" else "A") + signature[middle + 1 :]


def check(address, what, method, url, sign, expected=200, headers=None, body=None, host=HOST):
    """`url`: what is signed. `sign`: gives the signature of a URL."""
    headers = {"Host": host, **(headers or {})}
    target = "/" + url.split("://")[1].partition("/")[2]
    signature = sign(url)
    for given, wanted in [(signature, expected), (other(signature), 403)]:
        status, text = send(address, method, target, {**headers, SIGNATURE_HEADER: given}, body)
        assert status == wanted, f"{what}, signed {given}: {status} instead of {wanted}: {text}"
    print(f"{what}: {expected}, and 403 if the signature is another one")


def main(address, auth_token, shared_key):
    twilio = RequestValidator(auth_token)

    def post(what, target, form, base=PUBLIC):
        body = urlencode(form, doseq=True)
        check(address, what, "POST", base + target, lambda url: twilio.compute_signature(url, form), 200, FORM, body)

    post("a form", "/voice/incoming", CALL)
    post("a form to the root", "/", CALL)
    post("a form to a URL that is configured without a path", "", CALL)
    post("a URL with its port", "/voice/incoming", CALL, base=f"{PUBLIC}:443")
    post("a query beside the form", "/voice/incoming?b=%20%C3%BC&a=1+2", CALL)
    written = {"CallerName": "Zoë O'Hara & <Söhne>", "Digits": "#1+2=3", "Empty": "", "ünïcode": "✓ %41", "a": "A", "B": "b"}
    post("what is written in many ways", "/voice/incoming", {**CALL, **written})
    repeated = {name: [value] for name, value in CALL.items()} | {"Tag": ["b", "a", "b"]}
    post("names that stand there twice", "/voice/incoming", Repeated(repeated))

    def unparametered(url):
        return twilio.compute_signature(url, {})

    query = urlencode(CALL)
    check(address, "a GET", "GET", f"{PUBLIC}/voice/incoming?{query}", unparametered)
    check(address, "a GET of the root", "GET", f"{PUBLIC}/?{query}", unparametered)

    body = json.dumps(CALL)
    url = f"{PUBLIC}/voice/incoming?bodySHA256={twilio.compute_hash(body)}"
    check(address, "JSON", "POST", url, unparametered, 200, JSON, body)

    shared = RequestValidator(shared_key)
    settings = {SIGNATURE_SETTINGS_HEADER: f"key=webhooks_sharedkey_1,algorithm={HMAC_SHA256}"}
    check(
        address,
        "a form that is signed with a shared key",
        "POST",
        f"{PUBLIC}/voice/incoming",
        lambda url: shared.compute_signature(url, CALL, HMAC_SHA256),
        200,
        {**FORM, **settings},
        urlencode(CALL),
    )

    for path in ["/ws", "/media"]:
        check(address, f"the socket {path}", "GET", f"wss://{HOST}{path}", unparametered, 101, UPGRADE)
        local = f"ws://{address}{path}"
        check(address, f"the socket {path} of this machine", "GET", local, unparametered, 101, UPGRADE, host=address)


if __name__ == "__main__":
    main(*sys.argv[1:])
