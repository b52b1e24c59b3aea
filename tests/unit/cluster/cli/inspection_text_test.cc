#include "cluster/cli/inspection_text.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

engine::Inspection example() {
  engine::Inspection found;
  found.facts = {.producer = "maker 1.2",
                 .ir_version = 8,
                 .opsets = {{"", 17}, {"ai.onnx.ml", 3}},
                 .operators = {{"Add", 1}, {"Conv", 12}, {"ai.onnx.ml.Fancy", 7}}};
  found.info.inputs = {{.name = "image\n", .datatype = DataType::float32, .shape = {-1, 3, -1}}};
  found.info.outputs = {{.name = "label", .datatype = DataType::int64, .shape = {1}}};
  found.input_symbols = {{"batch", "", ""}};
  found.output_symbols = {{""}};
  found.parameters = 1234567;
  found.parameter_bytes = 4938268;
  found.missing = {{.what = "ai.onnx.ml.Fancy", .nodes = {"a", "b", "c", "d", "e", "f", "g"}}};
  found.refusal = "unsupported operators";
  return found;
}

TEST(InspectionText, ShowsWhatAPersonLooksFor) {
  EXPECT_EQ(inspection_text("m.onnx", example()),
            "m.onnx: ONNX IR 8, ai.onnx 17, ai.onnx.ml 3, by maker 1.2\n"
            "1,234,567 parameters, 4.9 MB\n"
            "\n"
            "INPUT   DATATYPE  SHAPE\n"
            "image   float32   [batch, 3, ?]\n"
            "\n"
            "OUTPUT  DATATYPE  SHAPE\n"
            "label   int64     [1]\n"
            "\n"
            "OPERATOR          NODES\n"
            "Conv              12\n"
            "ai.onnx.ml.Fancy  7\n"
            "Add               1\n"
            "\n"
            "UNSUPPORTED       NODES\n"
            "ai.onnx.ml.Fancy  'a', 'b', 'c', 'd', 'e' and 2 more\n"
            "\n"
            "it cannot be loaded: unsupported operators\n");
}

TEST(InspectionText, JsonHasEverything) {
  EXPECT_EQ(
      inspection_json("m.onnx", example()),
      R"({"file":"m.onnx","ir_version":8,"producer":"maker 1.2",)"
      R"("opsets":{"ai.onnx":17,"ai.onnx.ml":3},)"
      R"("inputs":[{"name":"image\n","datatype":"float32","shape":["batch",3,-1]}],)"
      R"("outputs":[{"name":"label","datatype":"int64","shape":[1]}],)"
      R"("parameters":1234567,"parameter_bytes":4938268,"nodes":20,)"
      R"("operators":{"Conv":12,"ai.onnx.ml.Fancy":7,"Add":1},)"
      R"("unsupported":[{"operator":"ai.onnx.ml.Fancy","nodes":["a","b","c","d","e","f","g"]}],)"
      R"("loads":false,"reason":"unsupported operators"})");
}

}  // namespace
}  // namespace sluice::cluster
