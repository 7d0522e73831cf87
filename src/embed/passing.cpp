#include "embed/passing.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <utility>

namespace myelin::embed {

namespace {

kernel::OnceSpec once_of(const Passing& passing, io::Loop& loop, std::string_view input) {
  kernel::OnceSpec once;
  once.spec = passing.spec;
  once.method = passing.method;
  once.input = Buffer::copy_of(input);
  once.principal.kind = kernel::Principal::Kind::operator_;
  if (passing.timeout.count() > 0) once.deadline = loop.now() + passing.timeout;
  return once;
}

Result<std::string> answer_of(kernel::Outcome outcome, std::size_t most) {
  if (!outcome) return fail(std::move(outcome.error()));
  const auto* rope = std::get_if<Rope>(&outcome->payload.bytes);
  const std::size_t size = rope != nullptr ? rope->size() : outcome->body.size();
  if (size > most) return fail(ErrorCode::too_large, "the answer is larger than " + std::to_string(most) + " bytes");
  return to_text(rope != nullptr ? rope->flatten().view() : outcome->body.view());
}

// Of a caller that blocks, so what it refers to stays. Shared by the shards, of which any may be the last.
struct Batch {
  kernel::Kernel& kernel;
  Passing passing;
  std::span<const std::string> inputs;
  std::vector<Result<std::string>> answers;  // each written by the shard that took its input
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> left;
  std::promise<void> ended;

  Batch(kernel::Kernel& k, Passing p, std::span<const std::string> in)
      : kernel(k), passing(std::move(p)), inputs(in), answers(in.size()), left(in.size()) {}

  static void begin(const std::shared_ptr<Batch>& batch, io::Loop& loop) {
    const std::size_t at = batch->next++;
    if (at >= batch->inputs.size()) return;
    batch->kernel.run_once(loop, once_of(batch->passing, loop, batch->inputs[at]),
                           [batch, &loop, at](kernel::Outcome outcome) {
                             batch->answers[at] = answer_of(std::move(outcome), batch->passing.max_answer_bytes);
                             begin(batch, loop);
                             if (--batch->left == 0) batch->ended.set_value();
                           });
  }
};

}  // namespace

std::vector<Result<std::string>> run_all(kernel::Kernel& kernel, std::vector<io::Loop*> loops, Passing passing,
                                         std::span<const std::string> inputs) {
  if (inputs.empty()) return {};
  auto batch = std::make_shared<Batch>(kernel, std::move(passing), inputs);
  std::future<void> ended = batch->ended.get_future();
  for (io::Loop* loop : loops)
    loop->post([batch, loop] {
      for (std::size_t i = 0; i < under_way; ++i) Batch::begin(batch, *loop);
    });
  ended.get();
  return std::move(batch->answers);
}

void run_one(kernel::Kernel& kernel, io::Loop& loop, Passing passing, std::string input, Node::Answered done) {
  loop.post([&kernel, &loop, passing = std::move(passing), input = std::move(input), done = std::move(done)]() mutable {
    const std::size_t most = passing.max_answer_bytes;
    kernel.run_once(
        loop, once_of(passing, loop, input),
        [most, done = std::move(done)](kernel::Outcome outcome) mutable { done(answer_of(std::move(outcome), most)); });
  });
}

}  // namespace myelin::embed
