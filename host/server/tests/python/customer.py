"""A customer of Twilio's, as its documentation has it: a call is placed with Twilio's own client library,
its document is written with it, and every request is checked with it. So what a stand-in signs is what
Twilio's library expects, webhooks, callbacks and sockets alike.

    customer.py BASE_URL ACCOUNT_SID AUTH_TOKEN FROM TO
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

import rest
from signing import other
from twilio.request_validator import SIGNATURE_HEADER, RequestValidator
from twilio.twiml.voice_response import VoiceResponse


class Customer(BaseHTTPRequestHandler):
    """Answers the call with a stream, which it then does not take, and hangs up by another document."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.check("ws" if self.headers["Upgrade"] else "http", None)
        if self.headers["Upgrade"]:
            return self.answer(503)
        response = VoiceResponse()
        response.hangup()
        self.answer(200, str(response))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        self.check("http", form)
        if self.path == "/status":
            self.server.told.append(form["CallStatus"])
            return self.answer(204)
        if self.path == "/stream":
            return self.answer(204)
        response = VoiceResponse()
        host = self.headers["Host"]
        response.connect().stream(url=f"ws://{host}/socket", status_callback=f"http://{host}/stream")
        response.redirect("/next?name=Z%C3%B6e+%26", method="GET")
        self.answer(200, str(response))

    def check(self, scheme, form):
        url = f"{scheme}://{self.headers['Host']}{self.path}"
        signature = self.headers[SIGNATURE_HEADER]
        right = self.server.twilio.validate(url, form, signature)
        wrong = self.server.twilio.validate(url, form, other(signature))
        self.server.checked.append((self.command, url.partition("?")[0], right, wrong))

    def answer(self, status, twiml=""):
        self.send_response(status)
        if twiml:
            self.send_header("Content-Type", "text/xml")
        # one after the other is served
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(twiml.encode())

    def log_message(self, *_):
        pass


def main(base_url, account_sid, auth_token, own, to):
    server = HTTPServer(("127.0.0.1", 0), Customer)
    server.timeout = 60
    server.handle_timeout = lambda: sys.exit(f"nothing more comes: {server.checked}")
    server.twilio, server.checked, server.told = RequestValidator(auth_token), [], []
    url = f"http://127.0.0.1:{server.server_port}"
    twilio = rest.at(base_url, account_sid, auth_token)
    twilio.calls.create(
        to=to, from_=own, url=f"{url}/answer", status_callback=f"{url}/status", status_callback_event=rest.EVENTS
    )
    while "completed" not in server.told:
        server.handle_request()
    assert server.told == ["initiated", "ringing", "in-progress", "completed"], server.told
    asked = {(method, url.rpartition("/")[2]) for method, url, _, _ in server.checked}
    wanted = {("POST", "answer"), ("POST", "status"), ("POST", "stream"), ("GET", "socket"), ("GET", "next")}
    assert asked == wanted, asked
    for method, url, right, wrong in server.checked:
        assert right and not wrong, f"{method} {url}: {'any' if right else 'no'} signature is good"
        print(method, url)


main(*sys.argv[1:])
