#!/usr/bin/python3
"""Speaks KServe v2 to a running server as Triton's clients do, and checks the answers.

    client_kserve.py URL [--model add]

The model must be `add`: inputs a and b and output sum, float32, of a shape that takes [1,4].
Only the standard library and numpy. Exit 0: all as expected.
"""

import argparse
import http.client
import json
import urllib.parse

import numpy as np

A = np.array([[1, 2, 3, 4]], dtype=np.float32)
B = np.array([[0.5, 0.25, -3, 1e20]], dtype=np.float32)


class Server:
    """One keep-alive connection: every answer must leave it usable."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def call(self, method, path, body=None, headers=None):
        self.connection.putrequest(method, path)
        for name, value in (headers or {}).items():
            self.connection.putheader(name, value)
        if body is not None:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders()  # no Content-Type, as the Python client
        if body:
            self.connection.send(body)
        answer = self.connection.getresponse()
        return answer.status, dict((n.lower(), v) for n, v in answer.getheaders()), answer.read()

    def refused(self, path, body, status, words, headers=None, method="POST"):
        seen, fields, text = self.call(method, path, body, headers)
        assert seen == status, (path, seen, text)
        assert fields["content-type"] == "application/json", fields
        error = json.loads(text)["error"]
        assert words in error, error


def tensor_json(name, array):
    return {"name": name, "shape": list(array.shape), "datatype": "FP32",
            "data": array.flatten().tolist()}


def tensor_binary(name, array):
    return {"name": name, "shape": list(array.shape), "datatype": "FP32",
            "parameters": {"binary_data_size": array.nbytes}}


def read_answer(fields, body):
    """As the Python client: the header says where the JSON ends; blobs are in order of outputs."""
    length = fields.get("inference-header-content-length")
    header = json.loads(body if length is None else body[:int(length)])
    at = len(body) if length is None else int(length)
    tensors = {}
    for output in header["outputs"]:
        assert output["datatype"] == "FP32", output
        size = output.get("parameters", {}).get("binary_data_size")
        assert (size is None) == ("data" in output), output
        if size is None:
            flat = np.array(output["data"], dtype=np.float32)
        else:
            flat = np.frombuffer(body[at:at + size], dtype=np.float32)
            at += size
        tensors[output["name"]] = flat.reshape(output["shape"])
    assert at == len(body), "bytes are left over"
    return header, tensors


def check_control(server, model):
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/%s/ready" % model,
                 "/v2/models/%s/versions/1/ready" % model):
        status, _, body = server.call("GET", path)
        assert (status, body) == (200, b""), (path, status, body)
    status, fields, body = server.call("GET", "/v2?verbose=1")
    page = json.loads(body)
    assert status == 200 and page["name"] == "sluice" and isinstance(page["version"], str), page
    assert "binary_tensor_data" in page["extensions"], page
    status, fields, body = server.call("GET", "/v2/models/" + model)
    page = json.loads(body)
    assert status == 200 and fields["content-type"] == "application/json"
    assert page["name"] == model and "1" in page["versions"] and page["platform"], page
    assert [i["name"] for i in page["inputs"]] == ["a", "b"], page
    assert page["outputs"][0]["name"] == "sum" and page["outputs"][0]["shape"][-1] == 4, page
    server.refused("/v2/models/nobody", None, 404, "nobody", method="GET")
    server.refused("/v2/models/nobody/ready", None, 404, "nobody", method="GET")
    server.refused("/v2/models/%s/versions/9" % model, None, 404, "9", method="GET")
    server.refused("/v2/models/%s/versions/x" % model, None, 404, "Not Found", method="GET")
    server.refused("/v2/nothing", None, 404, "Not Found", method="GET")
    server.refused("/v2", b"", 405, "Method Not Allowed")


def infer(server, path, request, blobs=b"", headers=None):
    body = json.dumps(request).encode()
    headers = dict(headers or {})
    if blobs:
        headers["Inference-Header-Content-Length"] = str(len(body))
    status, fields, answer = server.call("POST", path, body + blobs, headers)
    assert status == 200, (status, answer)
    header, tensors = read_answer(fields, answer)
    assert np.array_equal(tensors["sum"], A + B), tensors
    assert header["model_name"] and header["model_version"] == "1", header
    assert fields["sluice-model"] == header["model_name"] + "/1", fields
    assert header.get("id") == (request.get("id") or None), header
    binary = "data" not in header["outputs"][0]
    assert fields["content-type"] == (
        "application/octet-stream" if binary else "application/json"), fields
    return binary


def check_inference(server, model):
    path = "/v2/models/%s/infer" % model
    named = "/v2/models/%s/versions/1/infer" % model
    as_json = [tensor_json("a", A), tensor_json("b", B)]
    as_bytes = [tensor_binary("a", A), tensor_binary("b", B)]
    blobs = A.tobytes() + B.tobytes()
    everything = {"Inference-Header-Content-Length": ""}
    assert not infer(server, path, {"inputs": as_json})
    assert not infer(server, named, {"inputs": as_json[::-1], "id": "request-1"})
    assert not infer(server, path, {"inputs": as_json, "id": ""})  # the C++ client
    # The Python client: inputs as bytes, outputs asked as bytes.
    assert infer(server, path, {"id": "7", "inputs": as_bytes, "outputs": [
        {"name": "sum", "parameters": {"binary_data": True}}]}, blobs)
    assert infer(server, path, {"inputs": as_bytes, "parameters": {"binary_data_output": True}},
                 blobs)
    assert infer(server, path, {"inputs": as_json, "parameters": {"binary_data_output": True}})
    assert not infer(server, path, {"inputs": as_bytes}, blobs)
    assert not infer(server, path, {"inputs": [as_bytes[1], as_json[0]]}, B.tobytes())
    assert not infer(server, path, {"inputs": as_json, "parameters": {
        "timeout": 5000000, "priority": 1, "sequence_id": 0, "mine": "x", "ratio": 0.5}})
    assert not infer(server, path, {"inputs": as_json}, headers={"X-Request-Timeout-Ms": "5000"})
    body = json.dumps({"inputs": as_json}).encode()
    everything["Inference-Header-Content-Length"] = str(len(body))
    assert server.call("POST", path, body, everything)[0] == 200
    nested = [dict(as_json[0], data=A.tolist()), dict(as_json[1], data=[[[0.5], 0.25], [-3, 1e20]])]
    assert not infer(server, path, {"inputs": nested})
    special = np.array([[np.nan, np.inf, -np.inf, 0]], dtype=np.float32)
    request = {"inputs": [tensor_json("a", special), tensor_json("b", A * 0)]}
    status, fields, body = server.call("POST", path, json.dumps(request).encode())
    assert status == 200 and b"NaN" in body and b"-Infinity" in body, body
    _, tensors = read_answer(fields, body)
    assert np.array_equal(tensors["sum"], special, equal_nan=True), tensors


def check_refusals(server, model):
    path = "/v2/models/%s/infer" % model
    good = {"inputs": [tensor_json("a", A), tensor_json("b", B)]}
    text = json.dumps(good).encode()

    def with_input(**members):
        return json.dumps({"inputs": [dict(tensor_json("a", A), **members),
                                      tensor_json("b", B)]}).encode()

    server.refused(path, b"", 400, "byte 0")
    server.refused(path, text[:-1], 400, "byte %d" % (len(text) - 1))
    server.refused(path, b'{"inputs": [tru]}', 400, "byte 12")
    server.refused(path, b"{}", 400, "inputs")
    server.refused(path, with_input(name="z"), 400, "unexpected inference input 'z'")
    server.refused(path, with_input(datatype="INT32", data=[1, 2, 3, 4]), 400, "INT32")
    server.refused(path, with_input(datatype="FP33"), 400, "FP33")
    server.refused(path, with_input(shape=[4]), 400, "shape")
    server.refused(path, with_input(shape=[1, 5], data=[1] * 5), 400, "[1,5]")
    server.refused(path, with_input(shape=[-1, 4]), 400, "-1")
    server.refused(path, with_input(shape=[2**62, 4]), 400, "64 bits")
    server.refused(path, with_input(shape=[2**63, 4]), 400, "64 bits")
    server.refused(path, with_input(data=[1, 2, 3]), 400, "3 elements")
    server.refused(path, with_input(data=["1", 2, 3, 4]), 400, "expected a number")
    server.refused(path, with_input(data=[1e39, 2, 3, 4]), 400, "range")
    server.refused(path, json.dumps({"inputs": good["inputs"][:1]}).encode(), 400, "'b'")
    server.refused(path, json.dumps(dict(good, outputs=[{"name": "z"}])).encode(), 400,
                   "unexpected inference output 'z'")
    server.refused(path, json.dumps(dict(good, outputs=[{"name": "sum"}] * 2)).encode(), 400,
                   "already exists")
    server.refused(path, json.dumps(dict(good, parameters={"sequence_id": 5})).encode(), 501,
                   "sequence_id")
    server.refused(path, text, 501, "gzip", {"Content-Encoding": "gzip"})
    for length in (str(len(text) + 1), "-1", "x", "99999999999999999999"):
        server.refused(path, text, 400, "header size", {"Inference-Header-Content-Length": length})
    head = json.dumps({"inputs": [tensor_binary("a", A), tensor_binary("b", B)]}).encode()
    header = {"Inference-Header-Content-Length": str(len(head))}
    server.refused(path, head + A.tobytes() * 2 + b"x", 400, "unexpected additional", header)
    server.refused(path, head + A.tobytes(), 400, "byte %d" % len(head))
    server.refused(path, head, 400, "Infer-Header-Content-Length")
    server.refused(path, head + A.tobytes(), 400, "expecting 16 additional bytes", header)
    server.refused(path, A.tobytes(), 400, "2 inputs", {"Inference-Header-Content-Length": "0"})
    server.refused("/v2/models/nobody/infer", text, 404, "nobody")
    server.refused("/v2/models/%s/versions/9/infer" % model, text, 404, "9")
    server.refused("/v2/models/%2e%2e/infer", text, 400, "name")
    server.refused(path, None, 405, "Method Not Allowed", method="GET")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("url")
    options.add_argument("--model", default="add")
    options = options.parse_args()
    server = Server(options.url)
    check_control(server, options.model)
    check_inference(server, options.model)
    check_refusals(server, options.model)
    check_inference(server, options.model)
    print("kserve: all as expected")


if __name__ == "__main__":
    main()
