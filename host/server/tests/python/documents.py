"""Compares the server's TwiML with what Twilio's own library writes of the same.

    documents.py ADDRESS AUTH_TOKEN
"""

import sys
from urllib.parse import urlencode
from xml.etree import ElementTree

from signing import CALL, FORM, HOST, PUBLIC, SID, send
from twilio.request_validator import SIGNATURE_HEADER, RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse


def fetch(address, token, target, form):
    signature = RequestValidator(token).compute_signature(PUBLIC + target, form)
    headers = {"Host": HOST, SIGNATURE_HEADER: signature, **FORM}
    status, text = send(address, "POST", target, headers, urlencode(form))
    assert status == 200, f"{target}: {status}: {text}"
    return text


def connected(text, caller):
    """What the library makes of a call that is connected; the token in the URL is the server's own."""
    url = ElementTree.fromstring(text).find("Connect/Stream").get("url")
    assert url.startswith(f"wss://{HOST}/ws/"), url
    connect = Connect()
    stream = connect.stream(url=url, status_callback=f"{PUBLIC}/voice/stream-status?call={SID}")
    stream.parameter(name="direction", value="inbound")
    stream.parameter(name="caller", value=caller)
    stream.parameter(name="called", value=CALL["To"])
    response = VoiceResponse().append(connect)
    response.redirect(f"{PUBLIC}/voice/after?call={SID}")
    return response


def said(text):
    response = VoiceResponse()
    response.say(ElementTree.fromstring(text).findtext("Say"))
    response.hangup()
    return response


def hung_up(_):
    response = VoiceResponse()
    response.hangup()
    return response


def paused(_):
    response = VoiceResponse()
    response.pause(length=1)
    return response


def main(address, token):
    # whoever calls is no number everywhere
    caller = "client:Zoë O'Hara & \"<Söhne>\""
    cases = [
        ("/voice/incoming", {**CALL, "From": caller}, lambda text: connected(text, caller)),
        ("/voice/transferred", {**CALL, "DialCallStatus": "busy"}, said),
        ("/voice/transferred", {**CALL, "DialCallStatus": "completed"}, hung_up),
        ("/voice/brief", CALL, paused),
    ]
    for target, form, written in cases:
        ours = fetch(address, token, target, form)
        theirs = str(written(ours))
        one, other = (ElementTree.canonicalize(text) for text in (ours, theirs))
        assert one == other, f"{target}: {ours}\ninstead of\n{theirs}"
        print(f"{target}: {ours}")


main(*sys.argv[1:])
