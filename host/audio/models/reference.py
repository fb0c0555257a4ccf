#!/usr/bin/env python3
"""What the official model says in ONNX Runtime about a sound that is made by a formula.

    pip install onnxruntime numpy
    python3 reference.py silero_vad.onnx reference.txt

`silero_vad.onnx` is the one in the wheel `silero-vad==6.2.3`. The output has the probability of each
window of 256 samples on a line. `src/detect/silero/tests.rs` makes the same sound, by the same
arithmetic, which is all in integers, and compares.
"""

import sys

import numpy
import onnxruntime

SECONDS = 36
# Feedback of three resonators, times 2^14: the formants of five vowels.
VOWELS = [
    [(26677, 15386), (20649, 15146), (-10506, 14678)],
    [(31043, 15386), (-7114, 15146), (-22103, 14678)],
    [(30877, 15386), (24433, 15146), (-5812, 14678)],
    [(29043, 15386), (3949, 15146), (-11417, 14678)],
    [(28625, 15386), (24895, 15146), (-9816, 14678)],
]


def sound():
    """Three seconds each: a voice, silence, a voice in noise, noise, a faint voice, beeps and sweeps."""
    seed, since, state, samples = 1, 0, [[0, 0], [0, 0], [0, 0]], []
    for n in range(SECONDS * 8000):
        seed = (seed * 1664525 + 1013904223) % 2**32
        noise = (seed >> 16) - 32768
        # pulses of 93 to 143 Hz, and breath, through the formants
        since += 1
        value = noise >> 9
        if since >= 56 + n // 400 * 7 % 31:
            since = 0
            value += 12000
        syllable, within = divmod(n, 1600)
        for (a, b), last in zip(VOWELS[syllable * 7 % 5], state):
            value = (value * (16384 - a + b) + a * last[0] - b * last[1]) >> 14
            last[:] = value, last[0]
        voice = value * min(within, 1600 - within, 400) >> 8
        sweep = (n * n // 512 % 200 - 100) * 40
        samples.append(
            [
                voice,
                0,
                voice + (noise >> 6),
                noise >> 4,
                voice >> 4,
                noise >> 5 if within < 800 else sweep,
            ][n // 24000 % 6]
        )
    return numpy.clip(samples, -32768, 32767).astype(numpy.float32) / 32768


def main(model, target):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    state, context = numpy.zeros((2, 1, 128), numpy.float32), numpy.zeros(32, numpy.float32)
    with open(target, "w", encoding="ascii") as file:
        for window in sound().reshape(-1, 256):
            window = numpy.concatenate([context, window])
            inputs = {"input": window[None], "state": state, "sr": numpy.array(8000, numpy.int64)}
            probability, state = session.run(None, inputs)
            context = window[-32:]
            file.write(f"{probability[0, 0]:.7f}\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
