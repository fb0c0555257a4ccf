"""Recognises speech for a stand-in: commands on stdin, one JSON object a line on stdout.

A command is one letter, the length of its payload (4 bytes, little endian) and the payload:
  G  grammar as JSON {"jsgf", "pronunciations": [[word, phones]]}  answered {} or {"error", "about"}
  B  begin an utterance                                            no answer
  A  audio, 16 bit little endian, 16 kHz                           no answer
  P  what it sounds like so far                                    answered {"words": [...]}
  E  end the utterance                                             answered {"words": [...]}

A grammar forces every sound into one of its phrases. Therefore a second decoder hears the same
audio as a free sequence of English phones; a phrase that explains the sound much worse than that
is not what was said, and is not answered.
"""

import json
import math
import os
import re
import struct
import sys

# PocketSphinx's grammar scanner writes what it does not understand to stdout: out of the way.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

# How much worse than free phones a phrase may be, in the logarithm of the likelihood times 1000: so
# much for every 10 ms frame, and so much once, because free phones fit the edges of a word better.
# Measured with eight voices: what was said is at most 7 per frame worse.
DOUBTFUL = 8.5
EDGES = 110.0


def answer(**fields):
    answers.write(json.dumps(fields) + "\n")
    answers.flush()


def read(length):
    data = sys.stdin.buffer.read(length)
    if len(data) < length:
        sys.exit(0)  # the stand-in is gone
    return data


def grammar(decoder, payload):
    wanted = json.loads(payload)
    for word, phones in wanted["pronunciations"]:
        decoder.add_word(word, phones, True)
    jsgf = wanted["jsgf"]
    try:
        decoder.add_jsgf_string("grammar", jsgf)
        decoder.activate_search("grammar")
    except Exception as error:
        rules = re.sub(r"#JSGF[^;]*;|grammar [^;]*;|public |<[^>]*>|/\*.*?\*/|//.*", " ", jsgf, flags=re.S)
        unknown = {w for w in re.findall(r"[\w']+", rules) if decoder.lookup_word(w) is None}
        if unknown:
            raise ValueError("not in the dictionary: " + ", ".join(sorted(unknown)))
        raise error


def segments(decoder):
    """Label, first and last frame (of 10 ms), and the logarithm of the likelihood (negative)."""
    if decoder.hyp() is None:
        return []
    return [(s.word, s.start_frame, s.end_frame, math.log(max(s.ascore, 1e-300)) * 1000) for s in decoder.seg()]


def words(phrases, phones):
    heard = segments(phrases)
    spoken = [s for s in heard if s[0][0] not in "<([+"]  # not silence, noise, joints of the grammar
    anything = segments(phones)
    if not spoken or not anything:
        return []
    frames = sum(last - first + 1 for _, first, last, _ in spoken)
    worse = (sum(s[3] for s in anything) - sum(s[3] for s in heard) - EDGES) / frames
    confidence = 1 / (1 + math.exp(min(worse - DOUBTFUL, 500)))
    if confidence < 0.5:
        return []
    return [
        {
            "word": re.sub(r"\(\d+\)$", "", label),  # "was(2)" is another pronunciation of "was"
            "start": first / 100,
            "end": (last + 1) / 100,
            "confidence": confidence,
        }
        for label, first, last, _ in spoken
    ]


def main():
    try:
        from pocketsphinx import Decoder

        # Measured with telephone audio: the search needs wide beams and dear words, and the best
        # path through its lattice is wrong more often than the search itself.
        phrases = Decoder(
            lm=None, bestpath=False, beam=1e-120, wbeam=1e-100, pbeam=1e-120, wip=1e-3, loglevel="FATAL"
        )
        phones = Decoder(lm=None, bestpath=False, loglevel="FATAL")
        phones.add_allphone_file("phones", None)
        phones.activate_search("phones")
    except Exception as error:
        answer(error=str(error), about="pocketsphinx")
        return
    while True:
        command, length = struct.unpack("<cI", read(5))
        payload = read(length)
        if command == b"G":
            try:
                grammar(phrases, payload)
                answer()
            except Exception as error:
                answer(error=str(error), about="grammar")
        elif command == b"B":
            phrases.start_utt()
            phones.start_utt()
        elif command == b"A":
            phrases.process_raw(payload)
            phones.process_raw(payload)
        elif command == b"P":
            answer(words=words(phrases, phones))
        elif command == b"E":
            phrases.end_utt()
            phones.end_utt()
            answer(words=words(phrases, phones))


main()
