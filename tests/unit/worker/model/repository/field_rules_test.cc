// Every field of the schemas has a rule, and the document says the same.

#include "worker/model/repository/field_rules.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "schema/model_config.pb.h"
#include "schema/model_server_config.pb.h"
#include "tests/support/temp_dir.h"

namespace sluice::repository {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Visits fields as far down as rules "enter".
void expect_rules(const Descriptor& type,
                  std::span<const FieldRule> rules,
                  const std::string& prefix,
                  std::set<std::string>& seen) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string path = prefix + field.name();
    const FieldRule* rule = find_rule(rules, path);
    ASSERT_NE(rule, nullptr) << path << " has no rule";
    EXPECT_TRUE(seen.insert(path).second) << path;
    const bool explains = rule->action == FieldAction::note || rule->action == FieldAction::refuse;
    EXPECT_EQ(rule->why.empty(), !explains) << path;
    if (rule->action == FieldAction::enter) {
      ASSERT_EQ(field.cpp_type(), FieldDescriptor::CPPTYPE_MESSAGE) << path;
      expect_rules(*field.message_type(), rules, path + ".", seen);
    }
  }
}

TEST(FieldRules, every_field_of_a_model_config_has_one_and_no_rule_is_left_over) {
  std::set<std::string> seen;
  expect_rules(*inference::ModelConfig::descriptor(), model_config_rules(), "", seen);
  EXPECT_EQ(seen.size(), model_config_rules().size());
}

TEST(FieldRules, every_field_of_a_model_list_has_one_and_no_rule_is_left_over) {
  std::set<std::string> seen;
  expect_rules(*tensorflow::serving::ModelServerConfig::descriptor(), model_list_rules(), "", seen);
  EXPECT_EQ(seen.size(), model_list_rules().size());
}

// "| `input.dims` | taken | ... |", one row a field, with the reason where there is one.
TEST(FieldRules, the_document_has_a_row_for_each) {
  const std::string document =
      test::read_file(std::string(SLUICE_SOURCE_DIR) + "/docs/protocols/model_config.md");
  for (const auto rules : {model_config_rules(), model_list_rules()}) {
    for (const FieldRule& rule : rules) {
      const std::string path = "| `" + std::string(rule.path) + "` | ";
      switch (rule.action) {
        case FieldAction::enter:
          continue;
        case FieldAction::take:
          EXPECT_NE(document.find(path + "taken | "), std::string::npos) << rule.path;
          continue;
        case FieldAction::note:
          EXPECT_NE(document.find(path + "noted | " + std::string(rule.why)), std::string::npos)
              << rule.path;
          continue;
        case FieldAction::refuse:
          EXPECT_NE(document.find(path + "refused | " + std::string(rule.why)), std::string::npos)
              << rule.path;
          continue;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::repository
