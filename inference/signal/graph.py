"""The delineator's network as an ONNX graph, written from its weights: the file of weights stays the one truth.

Only what this graph needs of the format is written. Source: onnx.proto3 of ONNX (IR version 8, operators of opset 17).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
FLOAT, INT64 = 1, 7  # TensorProto.DataType
KIND_INT, KIND_TEXT, KIND_INTS = 2, 3, 7  # AttributeProto.AttributeType


def varint(value: int) -> bytes:
    """A whole number of 64 bits, seven at a time, the lowest first."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protobuf message: a whole number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: str, value: NDArray[np.float32] | NDArray[np.int64]) -> bytes:
    """A TensorProto."""
    kind = FLOAT if value.dtype == np.float32 else INT64
    shape = b"".join(field(1, size) for size in value.shape)
    return shape + field(2, kind) + field(8, name) + field(9, np.ascontiguousarray(value).tobytes())


def attribute(name: str, value: int | str | Sequence[int]) -> bytes:
    """An AttributeProto."""
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, KIND_INT)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, KIND_TEXT)
    return field(1, name) + b"".join(field(8, one) for one in value) + field(20, KIND_INTS)


def node(operator: str, inputs: Sequence[str], output: str, **attributes: int | str | Sequence[int]) -> bytes:
    """A NodeProto with one output."""
    head = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, operator)
    return head + b"".join(field(5, attribute(name, value)) for name, value in attributes.items())


def port(name: str, channels: int) -> bytes:
    """A ValueInfoProto: float32 [leads, channels, n], leads and n open."""
    shape = field(1, field(2, "leads")) + field(1, field(1, channels)) + field(1, field(2, "n"))
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


class Graph:
    """A graph while it is written: each step takes the name of a value and gives the next one's."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[bytes] = []
        self.tensors = [tensor(name, np.asarray(value, np.float32)) for name, value in weights.items()]

    def constant(self, name: str, values: Sequence[float], kind: type = np.int64) -> str:
        """A tensor of numbers."""
        self.tensors.append(tensor(name, np.array(values, kind)))
        return name

    def add(self, operator: str, *inputs: str, **attributes: int | str | Sequence[int]) -> str:
        """A step of one operator."""
        output = f"v{len(self.nodes)}"
        self.nodes.append(node(operator, inputs, output, **attributes))
        return output

    def shaped(self, value: str, shape: Sequence[int]) -> str:
        """The value in another shape; 0 keeps a size, −1 is what is left."""
        return self.add("Reshape", value, self.constant(f"shape{len(self.nodes)}", shape))

    def convolved(self, value: str, layer: str, relu: bool = True) -> str:
        """A convolution that keeps the length, and what is negative cut off."""
        k = self.weights[f"{layer}w"].shape[2]
        out = self.add("Conv", value, f"{layer}w", f"{layer}b", kernel_shape=[k], pads=[k // 2, k // 2])
        return self.add("Relu", out) if relu else out

    def model(self, end: str, channels: int) -> bytes:
        """The ModelProto, from the input `x` to the value `end`."""
        parts = [field(1, one) for one in self.nodes] + [field(2, "delineator")] + [field(5, one) for one in self.tensors]
        body = b"".join([*parts, field(11, port("x", channels)), field(12, port(end, channels))])
        return field(1, 8) + field(7, body) + field(8, field(2, 17))


def network(weights: Mapping[str, Array], fold: int, depth: int, classes: int) -> bytes:
    """The whole network as net.py describes it: features [leads, 4, n] to probabilities [leads, 4, n], n a multiple of 32."""
    g = Graph(weights)
    value = g.add("Transpose", g.shaped("x", [0, classes, -1, fold]), perm=[0, 1, 3, 2])
    value = g.shaped(value, [0, classes * fold, -1])
    levels = []
    for level in range(depth):
        if level:
            value = g.add("MaxPool", value, kernel_shape=[2], strides=[2])
        value = g.convolved(g.convolved(value, f"down{level}0"), f"down{level}1")
        levels.append(value)
    twice = g.constant("twice", [1, 1, 2], np.float32)
    for level in reversed(range(depth - 1)):
        value = g.convolved(value, f"join{level}", relu=False)
        value = g.add(
            "Resize", value, "", twice, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )  # fmt: skip
        value = g.convolved(g.add("Add", value, levels[level]), f"up{level}")
    value = g.shaped(g.convolved(value, "head", relu=False), [0, classes, fold, -1])
    value = g.shaped(g.add("Transpose", value, perm=[0, 1, 3, 2]), [0, classes, -1])
    return g.model(shares(g, value), classes)


def shares(g: Graph, value: str) -> str:
    """The softmax over the classes, of plain steps: the runtime's own turns the axes around, which takes four times as long."""
    from_top = g.add("Sub", value, g.add("ReduceMax", value, axes=[1], keepdims=1))
    risen = g.add("Exp", from_top)
    return g.add("Div", risen, g.add("ReduceSum", risen, g.constant("classes", [1]), keepdims=1))
