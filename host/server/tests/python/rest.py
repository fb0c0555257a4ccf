"""Twilio's own client library, whose requests go to a stand-in.

    rest.py BASE_URL ACCOUNT_SID AUTH_TOKEN begin FROM TO SERVER    prints the sid of a call
    rest.py BASE_URL ACCOUNT_SID AUTH_TOKEN end SID                 ends that call

A call that begins asks the Cordboard at SERVER what to do, and tells it how the call fares.
"""

import sys
from datetime import datetime

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

EVENTS = ["initiated", "ringing", "answered", "completed"]


class Redirected(TwilioHttpClient):
    def __init__(self, base_url):
        super().__init__(timeout=60)
        self.base_url = base_url

    def request(self, method, url, *args, **more):
        return super().request(method, url.replace("https://api.twilio.com", self.base_url, 1), *args, **more)


def at(base_url, account_sid, auth_token):
    return Client(account_sid, auth_token, http_client=Redirected(base_url))


def begin(twilio, own, to, server):
    account = twilio.api.accounts(twilio.account_sid).fetch()
    assert (account.sid, account.status) == (twilio.account_sid, "active"), account
    assert isinstance(account.date_created, datetime), account.date_created
    [number] = twilio.incoming_phone_numbers.list(phone_number=own)
    assert number.phone_number == own and number.sid.startswith("PN") and number.capabilities["voice"], number
    call = twilio.calls.create(
        to=to,
        from_=own,
        url=f"{server}/outbound-twiml",
        status_callback=f"{server}/call-status",
        status_callback_event=EVENTS,
        machine_detection="DetectMessageEnd",
        async_amd="true",
        async_amd_status_callback=f"{server}/voice/answered-by",
        timeout=30,
    )
    assert call.sid.startswith("CA") and len(call.sid) == 34, call.sid
    assert (call.account_sid, call.to, call._from) == (twilio.account_sid, to, own), call
    assert (call.status, call.direction, call.answered_by, call.price) == ("queued", "outbound-api", None, None)
    assert (call.start_time, call.end_time, call.duration) == (None, None, None)
    print(call.sid)


def end(twilio, sid):
    call = twilio.calls(sid).fetch()
    assert (call.sid, call.status, call.end_time) == (sid, "in-progress", None), call.status
    assert isinstance(call.start_time, datetime) and call.start_time >= call.date_created, call.start_time
    assert sid in [listed.sid for listed in twilio.calls.list(to=call.to, status="in-progress", limit=20)]
    assert call.update(status=call.Status.COMPLETED).status == "completed"
    # it may take a moment until it is
    while (call := call.fetch()).status == "in-progress":
        pass
    assert call.status == "completed" and call.end_time >= call.start_time and int(call.duration) >= 0
    assert call.queue_time == "0" and call.date_updated and call.subresource_uris, call
    try:
        call.update(status="completed")
    except TwilioRestException as refusal:
        assert (refusal.status, refusal.code) == (400, 21220), refusal
    else:
        raise AssertionError("a call that is over was ended")


if __name__ == "__main__":
    base_url, account_sid, auth_token, what, *about = sys.argv[1:]
    {"begin": begin, "end": end}[what](at(base_url, account_sid, auth_token), *about)
