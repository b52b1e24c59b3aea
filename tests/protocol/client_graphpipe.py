#!/usr/bin/python3
"""Speaks GraphPipe to a running server as graphpipe-py and graphpipe-go do, and checks the answers.

    client_graphpipe.py URL [--model add] [--alone]

URL is the server's root (http://127.0.0.1:8000); with --alone it is a listener bound to one model
at "/". The model must be `add`: inputs a and b and output sum, float32, [-1,4] or [4]-like
shapes that take [1,4]. Needs Debian's python3-numpy, python3-flatbuffers and flatc. Exit 0: all as
expected.
"""

import argparse
import http.client
import importlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import urllib.parse

import flatbuffers
import numpy as np

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../schema/graphpipe.fbs")
TYPES = {"uint8": 1, "int8": 2, "uint16": 3, "int16": 4, "uint32": 5, "int32": 6, "uint64": 7,
         "int64": 8, "float16": 9, "float32": 10, "float64": 11}
NAMES = {number: name for name, number in TYPES.items()}


def generate():
    """The generated modules, from the schema, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="graphpipe-") as folder:
        subprocess.run(["flatc", "--python", "-o", folder, SCHEMA], check=True)
        sys.path.insert(0, folder)
        base = "sluice.graphpipe_wire."
        modules = {name: importlib.import_module(base + name) for name in
                   ("Request", "InferRequest", "MetadataRequest", "InferResponse", "MetadataResponse",
                    "Tensor", "IOMetadata")}
        sys.path.remove(folder)
    return modules


WIRE = generate()


def vector_of(builder, start, offsets):
    start(builder, len(offsets))
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def build_tensor(builder, array, terminated):
    tensor = WIRE["Tensor"]
    tensor.StartShapeVector(builder, array.ndim)
    for extent in reversed(array.shape):
        builder.PrependInt64(extent)
    shape = builder.EndVector()
    if array.dtype.kind in "SO":
        elements = []
        for element in array.flatten():
            data = bytes(element)
            elements.append(builder.CreateString(data) if terminated
                            else builder.CreateByteVector(data))  # graphpipe-go writes no NUL
        strings = vector_of(builder, tensor.StartStringValVector, elements)
        tensor.Start(builder)
        tensor.AddType(builder, 12)
        tensor.AddStringVal(builder, strings)
    else:
        data = builder.CreateByteVector(np.ascontiguousarray(array).tobytes())
        tensor.Start(builder)
        tensor.AddType(builder, TYPES[array.dtype.name])
        tensor.AddData(builder, data)
    tensor.AddShape(builder, shape)
    return tensor.End(builder)


def infer_request(arrays, input_names=(), output_names=(), terminated=True):
    """A Request as graphpipe-py writes it: every vector there, even when it is empty."""
    builder = flatbuffers.Builder(1024)
    infer = WIRE["InferRequest"]
    tensors = [build_tensor(builder, array, terminated) for array in arrays]
    inputs = [builder.CreateString(name) for name in input_names]
    outputs = [builder.CreateString(name) for name in output_names]
    tensor_vector = vector_of(builder, infer.StartInputTensorsVector, tensors)
    input_vector = vector_of(builder, infer.StartInputNamesVector, inputs)
    output_vector = vector_of(builder, infer.StartOutputNamesVector, outputs)
    config = builder.CreateString("")
    infer.Start(builder)
    infer.AddConfig(builder, config)
    infer.AddInputTensors(builder, tensor_vector)
    infer.AddInputNames(builder, input_vector)
    infer.AddOutputNames(builder, output_vector)
    return finish_request(builder, 1, infer.End(builder))


def metadata_request():
    builder = flatbuffers.Builder(64)
    WIRE["MetadataRequest"].Start(builder)
    return finish_request(builder, 2, WIRE["MetadataRequest"].End(builder))


def finish_request(builder, kind, content):
    request = WIRE["Request"]
    request.Start(builder)
    request.AddReqType(builder, kind)
    request.AddReq(builder, content)
    builder.Finish(request.End(builder))
    return bytes(builder.Output())


def read_tensor(tensor):
    """As graphpipe-py does: shape, data and type must be there."""
    shape = tensor.ShapeAsNumpy().tolist() if tensor.ShapeLength() else []
    if tensor.Type() == 12:
        values = [tensor.StringVal(i) for i in range(tensor.StringValLength())]
        return np.array(values, dtype=object).reshape(shape)
    assert not tensor.DataIsNone(), "a tensor without data"
    assert not tensor.ShapeIsNone(), "a tensor without shape"
    data = tensor.DataAsNumpy().tobytes() if tensor.DataLength() else b""
    return np.frombuffer(data, dtype=NAMES[tensor.Type()]).reshape(shape)


def read_response(body):
    response = WIRE["InferResponse"].InferResponse.GetRootAs(body, 0)
    assert response.ErrorsLength() == 0
    return [read_tensor(response.OutputTensors(i)) for i in range(response.OutputTensorsLength())]


class Server:
    def __init__(self, url, path):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        self.path = path

    def call(self, method, body=None, path=None, headers=None):
        self.connection.request(method, path or self.path, body=body, headers=headers or {})
        response = self.connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read()

    def infer(self, *arguments, **named):
        status, content_type, body = self.call("POST", infer_request(*arguments, **named))
        assert status == 200, (status, body)
        assert content_type == "application/octet-stream", content_type
        return read_response(body)

    def refused(self, body, status=400, words=b""):
        seen, content_type, text = self.call("POST", body)
        assert seen == status, (seen, text)
        assert content_type.startswith("text/plain"), content_type
        assert text.endswith(b"\n") and words in text, text


def check_inference(server):
    a = np.array([[1, 2, 3, 4]], dtype=np.float32)
    b = np.array([[0.5, 0.25, -3, 1e20]], dtype=np.float32)
    for names, outputs in (((), ()), (("a", "b"), ("sum",)), (("", ""), ()), (("a",), ())):
        (answer,) = server.infer([a, b], names, outputs)
        assert answer.dtype == np.float32 and answer.shape == (1, 4), answer
        assert np.array_equal(answer, a + b), answer
    (answer,) = server.infer([b, a], ("b", "a"), ("sum",))
    assert np.array_equal(answer, a + b)


def check_refusals(server):
    a = np.array([[1, 2, 3, 4]], dtype=np.float32)
    good = infer_request([a, a])
    server.refused(b"")
    server.refused(b"\0" * 3)
    server.refused(b"not a FlatBuffer at all, but longer than one")
    for size in range(0, len(good) - 1, 5):  # truncated anywhere: an answer, on the same connection
        status, _, _ = server.call("POST", good[:size])
        assert status in (200, 400), (size, status)
    server.refused(infer_request([a, a], ("a", "nobody")), words=b"nobody")
    server.refused(infer_request([a, a], (), ("nobody",)), words=b"nobody")
    server.refused(infer_request([a]), words=b"'b'")
    server.refused(infer_request([a, a, a]))
    server.refused(infer_request([a.astype(np.float64), a]), words=b"FP64")
    server.refused(infer_request([a.reshape(4), a]), words=b"shape")
    server.refused(infer_request([np.array([[b"x"]], dtype="S"), a], terminated=False),
                   words=b"BYTES")
    short = bytearray(good)
    place = short.find(struct.pack("<4f", 1, 2, 3, 4))
    struct.pack_into("<I", short, place - 4, 12)  # the length of the first tensor's data
    server.refused(bytes(short), words=b"12")


def check_metadata(server):
    status, content_type, body = server.call("POST", metadata_request())
    assert (status, content_type) == (200, "application/octet-stream"), (status, body)
    answer = WIRE["MetadataResponse"].MetadataResponse.GetRootAs(body, 0)
    assert answer.Name() == b"add" and answer.Version() and answer.Server().startswith(b"sluice")
    assert answer.Description() is not None
    inputs = [answer.Inputs(i) for i in range(answer.InputsLength())]
    assert [i.Name() for i in inputs] == [b"a", b"b"]
    assert answer.OutputsLength() == 1 and answer.Outputs(0).Name() == b"sum"
    for value in inputs + [answer.Outputs(0)]:
        assert value.Type() == 10 and not value.ShapeIsNone() and value.Description() is not None
        assert value.ShapeAsNumpy().tolist()[-1] == 4
    status, content_type, body = server.call("GET")
    assert (status, content_type) == (200, "application/json"), (status, body)
    page = json.loads(body)
    assert sorted(page) == ["Description", "Inputs", "Name", "Outputs", "Server", "Version"]
    assert page["Inputs"][0]["Name"] == "a" and page["Inputs"][0]["Type"] == 10
    assert page["Inputs"][0]["Shape"][-1] == 4


def check_control(server, root):
    for what in ("is_ready", "is_alive"):
        status, _, body = server.call("GET", path=root + "control/" + what)
        assert (status, body) == (200, b"ok\n"), (what, status, body)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("url")
    options.add_argument("--model", default="add")
    options.add_argument("--alone", action="store_true")
    options = options.parse_args()
    root = "/" if options.alone else "/graphpipe/%s/" % options.model
    server = Server(options.url, "/" if options.alone else root.rstrip("/"))
    check_inference(server)
    check_refusals(server)
    check_metadata(server)
    check_control(server, root)
    if not options.alone:
        server.path = "/graphpipe/%s/versions/1" % options.model
        check_inference(server)
        server.path = "/graphpipe/nobody"
        server.refused(metadata_request(), status=404, words=b"nobody")
    print("graphpipe: all as expected")


if __name__ == "__main__":
    main()
