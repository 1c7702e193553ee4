// How a language model that judges reads a query and a document.
#include "checkpoint/pair_form.h"

#include <gtest/gtest.h>

namespace ferrum {
namespace {

TEST(PairForm, TheUsualOneHasAnInstructionOfItsOwn) {
  TextHeadDescription head;
  set_usual_form(head);
  EXPECT_TRUE(head.reads_instructions());
  EXPECT_EQ(head.instruction, "Given a web search query, retrieve relevant passages that answer the query");
  EXPECT_NE(
      head.pair_form.find("<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}<|im_end|>"),
      std::string::npos);
  EXPECT_TRUE(head.pair_form.ends_with("<|im_start|>assistant\n<think>\n\n</think>\n\n"));
}

TEST(PairForm, IsWrittenWithItsInstructionInPlace) {
  TextHeadDescription head;
  set_usual_form(head);
  const std::string written = whole_form(head);
  EXPECT_EQ(written.find("{instruction}"), std::string::npos);
  TextHeadDescription again;
  set_form(again, written);
  EXPECT_EQ(again.pair_form, head.pair_form);
  EXPECT_EQ(again.instruction, head.instruction);
  head.instruction.clear();
  head.plain_form = "q {query} d {document}";
  EXPECT_EQ(whole_form(head), "q {query} d {document}");
}

TEST(PairForm, OfAFileWithoutAnInstruction) {
  TextHeadDescription head;
  set_form(head, "query: {query} document: {document}");
  EXPECT_EQ(head.pair_form, "query: {query} document: {document}");
  EXPECT_FALSE(head.reads_instructions());
  TextHeadDescription other;
  set_form(other, "no places");
  EXPECT_EQ(other.pair_form, "");
}

TEST(PairForm, OfAChatTemplateWithTurnsForQueryAndDocument) {
  TextHeadDescription head;
  set_form_of_template(
      head,
      "<|im_start|>user\n<Instruct>: {{ messages | selectattr('role', 'eq', 'system') | "
      "map(attribute='content') | "
      "first | default('Find passages') }}\n<Query>: {{ messages | selectattr('role', 'eq', 'query') | "
      "map(attribute='content') | first }}\n<Document>: {{ messages | selectattr('role', 'eq', 'document') | "
      "map(attribute='content') | first }}<|im_end|>\n");
  EXPECT_EQ(head.pair_form,
            "<|im_start|>user\n<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}<|im_end|>")
      << "without the last line's end, as Jinja has it";
  EXPECT_EQ(head.instruction, "Find passages");
}

TEST(PairForm, ASystemTurnMayBeMissingWhereThereIsNoInstruction) {
  TextHeadDescription head;
  set_form_of_template(head,
                       "{% for m in messages %}{% if m.role == 'system' %}<s>{{ m.content }}</s>"
                       "{% elif m.role == 'document' %}<d>{{ m.content }}{% else %}<q>{{ m.content }}"
                       "{% endif %}{% endfor %}");
  EXPECT_EQ(head.pair_form, "<s>{instruction}</s><q>{query}<d>{document}");
  EXPECT_EQ(head.plain_form, "<q>{query}<d>{document}");
  EXPECT_EQ(head.instruction, "");
}

TEST(PairForm, OtherTemplatesChangeNothing) {
  for (const char* source : {"{% for m in messages %}{{ m.role }}{% endfor %}",
                             "{{ raise_exception('document') }}", "{{ document"}) {
    TextHeadDescription head;
    set_form_of_template(head, source);
    EXPECT_EQ(head.pair_form, "") << source;
  }
}

}  // namespace
}  // namespace ferrum
