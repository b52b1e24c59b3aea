"""`sluice check` as a program: its exit code, its counts and its names.

  check_test.py SLUICE EXAMPLES
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SLUICE, EXAMPLES = (pathlib.Path(each).resolve() for each in sys.argv[1:3])


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-check-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def copy(self, name):
        """A case of ours that passes."""
        return pathlib.Path(shutil.copytree(EXAMPLES / "add/1", self.folder / name))

    def check(self, *folders):
        """Exit code, {(case, set): status}, counts; the same by both forms of the output."""
        form = [subprocess.run([SLUICE, "check", *more, *folders], cwd=self.folder, capture_output=True, text=True,
                               check=False, timeout=100) for more in ([], ["--json"])]
        *lines, counts = [json.loads(line) for line in form[1].stdout.splitlines()]
        self.assertEqual(form[0].returncode, form[1].returncode)
        self.assertEqual(form[0].stdout.splitlines()[-1], ", ".join(f"{n} {status}" for status, n in counts.items()))
        for line, text in zip(lines, form[0].stdout.splitlines()):
            self.assertEqual(sorted(line), ["case", "detail", "set", "status"])
            self.assertEqual(text.split(":")[0].split(), [line["status"], "/".join(filter(None, (line["case"],
                                                                                                 line["set"])))])
        return form[1].returncode, {(line["case"], line["set"]): line["status"] for line in lines}, counts

    def test_zero_when_all_pass(self):
        self.copy("one")
        self.copy("two")
        self.assertEqual(self.check("one", "two"), (0, {
            ("one", "test_data_set_0"): "pass", ("two", "test_data_set_0"): "pass"},
            {"pass": 2, "fail": 0, "unsupported": 0, "error": 0}))

    def test_one_when_a_value_is_wrong(self):
        self.copy("one")
        output = self.copy("two") / "test_data_set_0/output_0.pb"
        output.write_bytes(output.read_bytes()[:-4] + b"\0\0\x80\x3e")  # the last float: 0.25
        self.assertEqual(self.check("one", "two"), (1, {
            ("one", "test_data_set_0"): "pass", ("two", "test_data_set_0"): "fail"},
            {"pass": 1, "fail": 1, "unsupported": 0, "error": 0}))

    def test_one_when_an_operator_is_not_known(self):
        self.copy("one")
        model = self.copy("two") / "model.onnx"
        data = model.read_bytes()
        self.assertEqual(data.count(b"\x03Add"), 1)
        model.write_bytes(data.replace(b"\x03Add", b"\x03Odd"))
        self.assertEqual(self.check("one", "two")[0::2], (1, {"pass": 1, "fail": 0, "unsupported": 1, "error": 0}))

    def test_one_when_nothing_can_be_read(self):
        self.copy("one")
        (self.folder / "none").mkdir()
        self.assertEqual(self.check("one", "none")[0::2], (1, {"pass": 1, "fail": 0, "unsupported": 0, "error": 1}))

    def test_one_when_the_limit_of_instructions_is_no_such(self):
        self.copy("one")
        done = subprocess.run([SLUICE, "check", "one"], cwd=self.folder, capture_output=True, text=True, check=False,
                              timeout=100, env=os.environ | {"SLUICE_MAX_SIMD": "avx9"})
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]), (1, (
            "error       one/test_data_set_0: SLUICE_MAX_SIMD is 'avx9': SSE4, AVX2 and AVX512 are known")))

    def test_names_that_collide_are_paths(self):
        for name in ("add/1", "digits/1", "digits/2"):
            self.copy(name)
        found = self.check("add/1", "digits")[1]
        self.assertEqual([case for case, _ in found], ["add/1", "digits/1", "2"])

    def test_maps_are_inputs(self):
        try:
            import onnx
        except ImportError:
            self.skipTest("python3-onnx is not installed")
        helper, floats = onnx.helper, onnx.TensorProto.FLOAT
        kinds = onnx.TypeProto.Map(key_type=onnx.TensorProto.STRING,
                                   value_type=helper.make_tensor_type_proto(floats, [1]))

        def inside(name, addend):
            return helper.make_graph(
                [helper.make_node("DictVectorizer", ["row"], ["v"], domain="ai.onnx.ml", string_vocabulary=["a", "b"]),
                 helper.make_node("Add", ["v", addend], [name])], name, [],
                [helper.make_tensor_value_info(name, floats, [1, 2])])
        graph = helper.make_graph(
            [helper.make_node("ReduceMax", ["more"], ["most"], keepdims=0),
             helper.make_node("Cast", ["most"], ["some"], to=onnx.TensorProto.BOOL),
             helper.make_node("If", ["some"], ["y"], then_branch=inside("then", "more"),
                              else_branch=inside("else", "most"))], "maps",
            [helper.make_value_info("row", onnx.TypeProto(map_type=kinds)),
             helper.make_tensor_value_info("more", floats, [2])],
            [helper.make_tensor_value_info("y", floats, [1, 2])])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17),
                                                        helper.make_opsetid("ai.onnx.ml", 1)])
        model.ir_version = 8

        def tensor(name, *values, dims=()):
            return helper.make_tensor(name, floats, dims, values)
        stored = onnx.MapProto(key_type=onnx.TensorProto.STRING, string_keys=[b"c", b"b"])
        stored.values.elem_type = onnx.SequenceProto.TENSOR
        stored.values.tensor_values.extend([tensor("", 9), tensor("", 3)])
        short = onnx.MapProto(key_type=onnx.TensorProto.STRING, string_keys=[b"b", b"a"], values=stored.values)
        short.values.tensor_values.pop()
        files = {  # of the map: what is checked
            "object": (".json", b'{"b": 3, "c": 9}', "pass"), "list": (".json", b'[{"b": 3.0}]', "pass"),
            "as_answers": (".json", b'{"value": [{"b": 3}]}', "pass"),
            "stored": (".pb", stored.SerializeToString(), "pass"),
            "other": (".json", b'{"b": 4}', "fail"), "two": (".json", b'[{"b": 3}, {}]', "error"),
            "text": (".json", b'{"b": "3"}', "error"), "short": (".pb", short.SerializeToString(), "error")}
        for name, (suffix, content, _) in files.items():
            folder = self.folder / name / "test_data_set_0"
            folder.mkdir(parents=True)
            (folder.parent / "model.onnx").write_bytes(model.SerializeToString())
            (folder / f"input_0{suffix}").write_bytes(content)
            (folder / "input_1.pb").write_bytes(tensor("", 1, 1, dims=[2]).SerializeToString())
            (folder / "output_0.pb").write_bytes(tensor("", 1, 4, dims=[1, 2]).SerializeToString())
        self.assertEqual(self.check(*files)[1],
                         {(name, "test_data_set_0"): status for name, (_, _, status) in files.items()})
        subprocess.run([SLUICE, "optimize", "stored/model.onnx", "-o", "optimized.onnx"], cwd=self.folder, check=True,
                       capture_output=True, timeout=100)
        (self.folder / "optimized.onnx").replace(self.folder / "stored/model.onnx")
        self.assertEqual(self.check("stored")[0], 0, "the map is one in the file that optimize writes")

    def test_onednn_runs_on_the_engines_threads(self):
        self.copy("one")
        done = subprocess.run([SLUICE, "check", "one"], cwd=self.folder, capture_output=True, text=True, check=False,
                              timeout=100, env=os.environ | {"LD_DEBUG": "bindings"})
        self.assertEqual(done.returncode, 0)
        found = {name: library for library, name in re.findall(
            r"binding file \S*libdnnl\S* \[0\] to (\S+) \[0\]: normal symbol `((?:GOMP|omp)_\w+)'", done.stderr)}
        self.assertIn("GOMP_parallel", found)
        self.assertEqual({pathlib.Path(library).name for library in found.values()}, {"libsluice_engine.so"}, found)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
