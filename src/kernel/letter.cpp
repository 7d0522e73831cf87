#include "kernel/letter.hpp"

#include "base/check.hpp"
#include "kernel/delivery.hpp"

#include <cstring>
#include <new>
#include <string>

namespace myelin::kernel {

namespace {

void copy(std::uint8_t* to, View from) {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

}  // namespace

void ParcelRelease::operator()(Parcel* parcel) const {
  switch (parcel->kind) {
    case Parcel::Kind::delivery:
      delete static_cast<Delivery*>(parcel);
      return;
    case Parcel::Kind::letter: {
      auto* letter = static_cast<Letter*>(parcel);
      letter->pool->give(letter);
      return;
    }
    case Parcel::Kind::notice:
      delete static_cast<Notice*>(parcel);
      return;
    case Parcel::Kind::receipt:
      delete static_cast<Receipt*>(parcel);
      return;
  }
}

ParcelPtr ParcelQueue::take(std::uint64_t ticket) {
  Parcel* before = nullptr;
  for (Parcel* each = first_; each != nullptr; before = each, each = each->next) {
    if (each->ticket != ticket) continue;
    (before == nullptr ? first_ : before->next) = each->next;
    if (last_ == each) last_ = before;
    each->next = nullptr;
    return ParcelPtr(each);
  }
  return nullptr;
}

LetterPool::~LetterPool() {
  close();
  drop(free_);
}

void LetterPool::drop(Free* chain) {
  while (chain != nullptr) ::operator delete(std::exchange(chain, chain->next));
}

void LetterPool::close() {
  closed_ = true;
  drop(std::exchange(away_, nullptr));
  away_blocks_ = 0;
  for (Batch* each : {std::exchange(come_back_, nullptr), back_.exchange(nullptr, std::memory_order_acquire)}) {
    while (each != nullptr) {
      Batch* next = each->next;
      drop(each->rest);
      ::operator delete(each);
      each = next;
    }
  }
  batches_back_.store(0, std::memory_order_relaxed);
}

void* LetterPool::take_block() {
  if (free_ == nullptr) {
    if (come_back_ == nullptr && back_.load(std::memory_order_relaxed) != nullptr)
      come_back_ = back_.exchange(nullptr, std::memory_order_acquire);
    if (come_back_ == nullptr) return ::operator new(usual_bytes);
    const Batch batch = *come_back_;
    free_ = new (static_cast<void*>(come_back_)) Free{batch.rest};
    come_back_ = batch.next;
    kept_ = batch.blocks;
    batches_back_.fetch_sub(1, std::memory_order_relaxed);
  }
  --kept_;
  return std::exchange(free_, free_->next);
}

Letter* LetterPool::take(std::size_t content_bytes) {
  const std::size_t needed = sizeof(Letter) + content_bytes;
  const bool usual = needed <= usual_bytes;
  void* block = usual ? take_block() : ::operator new(needed);
  auto* letter = new (block) Letter(*this);
  letter->room = static_cast<std::uint32_t>((usual ? usual_bytes : needed) - sizeof(Letter));
  return letter;
}

void LetterPool::give(Letter* letter) {
  const bool usual = letter->room + sizeof(Letter) == usual_bytes;
  LetterPool& born = *letter->born;
  letter->~Letter();
  if (!reuses_blocks || !usual || closed_) return ::operator delete(letter);
  if (&born != this) return gather(letter, born);
  if (kept_ == most_kept) return ::operator delete(letter);
  free_ = new (letter) Free{free_};
  ++kept_;
}

void LetterPool::gather(void* block, LetterPool& born) {
  if (away_to_ != &born) send_back();
  away_to_ = &born;
  away_ = new (block) Free{away_};
  if (++away_blocks_ == batch_blocks) send_back();
}

void LetterPool::send_back() {
  if (away_ == nullptr) return;
  Free* first = std::exchange(away_, nullptr);
  Free* rest = first->next;
  away_to_->come_back(new (static_cast<void*>(first)) Batch{rest, nullptr, std::exchange(away_blocks_, 0)});
}

// On the thread of the pool that sends it.
void LetterPool::come_back(Batch* batch) {
  if (batches_back_.load(std::memory_order_relaxed) >= most_kept / batch_blocks) {
    drop(batch->rest);
    return ::operator delete(batch);
  }
  batches_back_.fetch_add(1, std::memory_order_relaxed);
  Batch* there = back_.load(std::memory_order_relaxed);
  do {
    batch->next = there;
  } while (!back_.compare_exchange_weak(there, batch, std::memory_order_release, std::memory_order_relaxed));
}

LetterPtr Letter::make(Make from) {
  const abi::Sent& sent = from.sent;
  const std::uint8_t* begin = sent.fields.data();
  LetterPtr letter(from.pool.take(sent.fields.size()));
  letter->used = static_cast<std::uint32_t>(sent.fields.size());
  copy(letter->content(), sent.fields);
  const auto place = [begin](View view) {
    return Field{view.empty() ? 0 : static_cast<std::uint32_t>(view.data() - begin),
                 static_cast<std::uint32_t>(view.size())};
  };
  letter->target = place(as_view(sent.target));
  letter->method = place(as_view(sent.method));
  letter->mime = place(as_view(sent.mime));
  letter->context = place(sent.context);
  letter->metadata = place(sent.metadata);
  letter->body = place(sent.body);
  letter->flags = sent.flags;
  letter->payload = std::move(from.payload);
  MYELIN_CHECK(from.caller.size() <= letter->caller.size(), "a process is named by its PID");
  letter->caller_size = static_cast<std::uint8_t>(from.caller.size());
  std::memcpy(letter->caller.data(), from.caller.data(), from.caller.size());
  return letter;
}

LetterPtr Letter::receipt_of(const Letter& letter, LetterPool& pool, std::string_view accepted_by) {
  const View context = letter.view(letter.context);
  LetterPtr receipt(pool.take(context.size() + accepted_by.size()));
  copy(receipt->content(), context);
  receipt->used = static_cast<std::uint32_t>(context.size());
  receipt->context = {0, static_cast<std::uint32_t>(context.size())};
  receipt->flags = letter.flags;
  receipt->home = letter.home;
  receipt->epoch = letter.epoch;
  receipt->sent_id = letter.sent_id;
  receipt->kept = letter.kept;
  receipt->answer(accepted_by, {}, {}, {}, nullptr);
  return receipt;
}

void Letter::answer(std::string_view by, std::string_view type, View more_metadata, View answer_bytes,
                    std::unique_ptr<Rope> answer_rope) {
  const std::size_t size = by.size() + type.size() + more_metadata.size() + answer_bytes.size();
  std::uint8_t* base = content();
  std::uint32_t at = used;
  if (size > room - used) {
    more = std::make_unique_for_overwrite<std::uint8_t[]>(size);
    base = more.get();
    at = 0;
  }
  const auto put = [&](View bytes) {
    copy(base + at, bytes);
    const Field field{at, static_cast<std::uint32_t>(bytes.size())};
    at += field.size;
    return field;
  };
  source = put(as_view(by));
  answer_mime = put(as_view(type));
  answer_metadata = put(more_metadata);
  answer_body = put(answer_bytes);
  answer_payload = std::move(answer_rope);
  state = State::answered;
}

void Letter::answer(Message response) {
  std::unique_ptr<Rope> rope;
  if (auto* given = std::get_if<Rope>(&response.payload.bytes)) rope = std::make_unique<Rope>(std::move(*given));
  answer(response.source.to_string(), response.payload.mime, response.metadata.view(), response.body.view(),
         std::move(rope));
}

void Letter::fail(Error why) {
  why.message = abi::one_line(std::string_view(why.message).substr(0, abi::reason_bytes));
  error = std::make_unique<Error>(std::move(why));
  state = State::failed;
}

Message Letter::message() const {
  Message message;
  message.id = sent_id;
  message.source.process = from;
  message.target.process = to;
  message.method = text(method);
  message.body = Buffer::copy_of(view(body));
  message.metadata = Buffer::copy_of(view(metadata));
  message.payload.mime = text(mime);
  if (payload) {
    message.payload.size = payload->size();
    message.payload.bytes = *payload;
  }
  message.deadline = deadline;
  message.principal.kind = Principal::Kind::process;
  message.principal.pid = from;
  message.wants_response = wants_response();
  return message;
}

std::size_t Letter::answer_size() const {
  return answer_mime.size + answer_metadata.size + answer_body.size + (answer_payload ? answer_payload->size() : 0);
}

abi::RecordView Letter::request_record() const {
  abi::RecordView record;
  record.event = abi::Event::request;
  record.caller_kind = Principal::Kind::process;
  record.id = id;
  record.deadline = deadline;
  if (wants_response()) record.flags |= abi::wants_response;
  if (payload) {
    record.flags |= abi::has_payload;
    record.payload_size = payload->size();
  }
  constexpr std::size_t before_pid = 8;  // "process "
  record.fields = {as_view(caller_text().substr(before_pid)),
                   view(method),
                   view(mime),
                   View(),
                   view(metadata),
                   as_view(caller_text()),
                   View(),
                   view(body),
                   View()};
  return record;
}

abi::RecordView Letter::outcome_record() const {
  abi::RecordView record;
  record.id = sent_id;
  record.caller_kind = Principal::Kind::anonymous;
  const Rope* rope = state == State::answered ? answer_payload.get() : payload.get();
  if (rope != nullptr) {
    record.flags |= abi::has_payload;
    record.payload_size = rope->size();
  }
  if (state == State::answered) {
    record.event = abi::Event::response;
    record.fields = {answer_view(source),
                     View(),
                     answer_view(answer_mime),
                     view(context),
                     answer_view(answer_metadata),
                     View(),
                     View(),
                     answer_view(answer_body),
                     View()};
    return record;
  }
  record.event = abi::Event::error;
  record.error = static_cast<std::uint32_t>(error->code);
  record.detail = error->detail;
  if (room_follows) record.flags |= abi::room_follows;
  record.fields = {view(target), view(method), view(mime), view(context),          view(metadata),
                   View(),       View(),       view(body), as_view(error->message)};
  return record;
}

abi::RecordView Notice::record() const {
  abi::RecordView record;
  record.event = event;
  record.id = id;
  record.error = error;
  record.fields[0] = as_view(source);
  return record;
}

}  // namespace myelin::kernel
