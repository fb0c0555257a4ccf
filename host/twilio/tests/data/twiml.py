"""Writes twiml.json: documents as Twilio's own library writes them.

pip install twilio==9.13.0 && python twiml.py > twiml.json
"""

import json

import twilio
from twilio.twiml.voice_response import VoiceResponse

AGENT = "https://agent.example.com"
CASES = {}


def case(write):
    response = VoiceResponse()
    write(response)
    CASES[write.__name__] = response.to_xml()


@case
def nothing(response):
    pass


@case
def stream_with_parameters(response):
    connect = response.connect()
    stream = connect.stream(url="wss://agent.example.com/ws")
    stream.parameter(name="direction", value="inbound")
    stream.parameter(name='n"&<>', value="a\nb\t'")
    stream.parameter(name="empty", value="")


@case
def stream_with_everything(response):
    connect = response.connect(action=AGENT + "/after?a=1&b=2", method="POST")
    connect.stream(
        url="wss://agent.example.com/ws",
        name="line",
        status_callback=AGENT + "/stream",
        status_callback_method="GET",
    )
    response.redirect(AGENT + "/elsewhere?a=1&b=2", method="GET")
    response.say("Sorry.")


@case
def words(response):
    response.say('Tom & "Jerry" <b> é 世界', voice="Polly.Amy", language="en-GB")
    response.play(AGENT + "/chime.wav?a=1&b=2")
    response.pause(length=3)
    response.redirect("/again")
    response.hangup()


@case
def gather_plain(response):
    response.gather(input="dtmf speech", action="/turn?step=1", action_on_empty_result=True)


@case
def gather_with_everything(response):
    gather = response.gather(
        input="speech",
        action=AGENT + "/turn?call=1&step=2",
        method="POST",
        timeout=5,
        speech_timeout="auto",
        max_speech_time=30,
        speech_model="phone_call",
        language="en-GB",
        hints="guest, room <7>",
        profanity_filter=False,
        num_digits=4,
        finish_on_key="",
        partial_result_callback=AGENT + "/partial",
        partial_result_callback_method="POST",
        action_on_empty_result=True,
    )
    gather.say("Tom & Jerry", voice="Polly.Amy", language="en-GB")
    gather.pause(length=1)
    response.play("", digits="1w#")


@case
def relay_plain(response):
    response.connect().conversation_relay(url="wss://agent.example.com/relay")


@case
def relay_with_everything(response):
    connect = response.connect(action=AGENT + "/after?call=1", method="POST")
    relay = connect.conversation_relay(
        url="wss://agent.example.com/relay",
        language="en-GB",
        tts_provider="Amazon",
        voice="Amy-Neural",
        transcription_provider="Deepgram",
        dtmf_detection=True,
        interruptible="any",
        partial_prompts=True,
        hints="guest, room <7>",
        events="speaker-events",
    )
    relay.parameter(name="direction", value="inbound")


@case
def rejected(response):
    response.reject(reason="rejected")


@case
def busy(response):
    response.reject(reason="busy")


@case
def dial_plain(response):
    response.dial().number("+15555550101")


@case
def dial_with_everything(response):
    dial = response.dial(
        caller_id="+15555550100",
        action=AGENT + "/dialled",
        method="GET",
        timeout=20,
        time_limit=600,
        answer_on_bridge=True,
    )
    dial.number(
        "+15555550101",
        url=AGENT + "/whisper",
        method="POST",
        send_digits="wwww1#",
        status_callback=AGENT + "/leg",
        status_callback_event="initiated ringing answered completed",
        status_callback_method="POST",
    )


@case
def conference_plain(response):
    response.dial().conference("claim 7")


@case
def conference_with_everything(response):
    dial = response.dial()
    dial.conference(
        "claim & <7>",
        start_conference_on_enter=False,
        end_conference_on_exit=True,
        beep="onEnter",
        wait_url="",
        max_participants=3,
        participant_label="desk",
        status_callback=AGENT + "/room",
        status_callback_method="POST",
        status_callback_event="start end join leave mute hold",
    )


print(json.dumps({"made_with": f"twilio-python {twilio.__version__}", "cases": CASES}, indent=1, ensure_ascii=False))
