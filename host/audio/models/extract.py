#!/usr/bin/env python3
"""Takes the weights of the 8 kHz branch out of Silero's official ONNX model.

    python3 extract.py silero_vad-6.2.3-py3-none-any.whl silero_vad_8k.f32

The first argument is the wheel from PyPI (`pip download --no-deps silero-vad==6.2.3`) or the
`silero_vad.onnx` that lies in it. Nothing is downloaded, and nothing but Python 3 is needed: of the
ONNX format (protocol buffers) as much is read here as finds named tensors.

The output is what README.md describes: the tensors of TENSORS one after the other, 32 bit floats,
little-endian, each in the order in which PyTorch keeps it.
"""

import hashlib
import math
import sys
import zipfile

MODEL = "silero_vad/data/silero_vad.onnx"
MODEL_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"

# The model is one `If` on the sample rate; its else branch is 8 kHz.
BRANCH = "If_0_else_branch__Inline_0__"
TENSORS = {
    "stft.forward_basis_buffer": [130, 1, 128],
    "encoder.0.reparam_conv.weight": [128, 65, 3],
    "encoder.0.reparam_conv.bias": [128],
    "encoder.1.reparam_conv.weight": [64, 128, 3],
    "encoder.1.reparam_conv.bias": [64],
    "encoder.2.reparam_conv.weight": [64, 64, 3],
    "encoder.2.reparam_conv.bias": [64],
    "encoder.3.reparam_conv.weight": [128, 64, 3],
    "encoder.3.reparam_conv.bias": [128],
    "decoder.rnn.weight_ih": [512, 128],
    "decoder.rnn.weight_hh": [512, 128],
    "decoder.rnn.bias_ih": [512],
    "decoder.rnn.bias_hh": [512],
    "decoder.decoder.2.weight": [1, 128, 1],
    "decoder.decoder.2.bias": [1],
}


def main(source, target):
    model = read(source)
    found = hashlib.sha256(model).hexdigest()
    if found != MODEL_SHA256:
        sys.exit(f"{source}: sha256 {found}, but silero-vad 6.2.3 has {MODEL_SHA256}")
    tensors = {}
    collect(only(model, 7), tensors)  # ModelProto.graph
    weights = b""
    for name, shape in TENSORS.items():
        dims, raw = tensors[BRANCH + name]
        if dims != shape or len(raw) != 4 * math.prod(shape):
            sys.exit(f"{name}: shape {dims} in {len(raw)} bytes, {shape} was expected")
        weights += raw
    with open(target, "wb") as file:
        file.write(weights)
    print(f"{target}: {len(weights)} bytes, sha256 {hashlib.sha256(weights).hexdigest()}")


def read(source):
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as wheel:
            return wheel.read(MODEL)
    with open(source, "rb") as file:
        return file.read()


def collect(graph, tensors):
    """Every constant float tensor of a GraphProto and of the graphs in it, by the name of its value."""
    for node in every(graph, 1):  # GraphProto.node
        for attribute in every(node, 5):  # NodeProto.attribute
            for number, value in fields(attribute):
                if number == 6:  # AttributeProto.g
                    collect(value, tensors)
                elif number == 5 and only(value, 2) == 1:  # AttributeProto.t, of type FLOAT
                    name = every(node, 2)[0].decode()  # NodeProto.output
                    tensors[name] = (dims(value), only(value, 9, b""))  # TensorProto.raw_data


def dims(tensor):
    numbers = []
    for value in every(tensor, 1):  # TensorProto.dims, packed or not
        if isinstance(value, int):
            numbers.append(value)
        else:
            at = 0
            while at < len(value):
                number, at = varint(value, at)
                numbers.append(number)
    return numbers


def only(message, number, default=None):
    return next(iter(every(message, number)), default)


def every(message, number):
    return [value for found, value in fields(message) if found == number]


def fields(message):
    """The fields of a protocol buffer message: (number, int or bytes)."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        if key & 7 == 0:
            value, at = varint(message, at)
        else:
            if key & 7 == 2:
                length, at = varint(message, at)
            else:
                length = {1: 8, 5: 4}[key & 7]
            value, at = message[at : at + length], at + length
        yield key >> 3, value


def varint(message, at):
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
