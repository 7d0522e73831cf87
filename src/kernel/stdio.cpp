#include "kernel/stdio.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {

using wasm::wasi::Descriptor;
using wasm::wasi::Errno;

// How much of `size` may still be written; tells once when something may not.
class Allowance {
 public:
  explicit Allowance(OutputLimit limit) : limit_(std::move(limit)) {}
  std::size_t clip(std::size_t size) const {
    if (limit_.bytes == 0) return size;
    return static_cast<std::size_t>(std::min<std::uint64_t>(size, limit_.bytes - used_));
  }
  void use(std::size_t size) { used_ += size; }
  void exceed() {
    auto told = std::exchange(limit_.exceeded, nullptr);
    if (told) told();
  }

 private:
  OutputLimit limit_;
  std::uint64_t used_ = 0;
};

class PipeInput : public Descriptor {
 public:
  explicit PipeInput(Link<io::PipeReader> reader) : reader_(std::move(reader)) {}
  Transfer read(MutableView into) override {
    if (into.empty() || *reader_ == nullptr) return {};
    auto got = (*reader_)->try_read_into(into);
    if (!got) {
      switch (got.error().code) {
        case ErrorCode::cancelled:
          return {Errno::canceled, 0};
        case ErrorCode::timeout:
          return {Errno::timedout, 0};
        default:
          return {Errno::io, 0};
      }
    }
    if (!*got) return {Errno::again, 0};
    return {Errno::success, **got};
  }
  Transfer write(View) override { return {Errno::badf, 0}; }
  bool readable() const override { return *reader_ == nullptr || (*reader_)->ready(); }
  std::size_t available() const override { return *reader_ == nullptr ? 0 : (*reader_)->available(); }
  bool writable() const override { return true; }
  void on_readable(io::Callback callback) override {
    if (*reader_ != nullptr) (*reader_)->on_ready(std::move(callback));
  }
  void on_writable(io::Callback) override {}

 private:
  Link<io::PipeReader> reader_;
};

class PipeOutput : public Descriptor {
 public:
  PipeOutput(Link<io::PipeWriter> writer, OutputLimit limit)
      : writer_(std::move(writer)), allowance_(std::move(limit)) {}
  Transfer read(MutableView) override { return {Errno::badf, 0}; }
  Transfer write(View from) override {
    if (*writer_ == nullptr) return {Errno::pipe, 0};
    if (from.empty()) return {};
    std::size_t allowed = allowance_.clip(from.size());
    if (allowed == 0) {
      allowance_.exceed();
      return {Errno::fbig, 0};
    }
    auto taken = (*writer_)->try_write(from.first(allowed));
    if (!taken) return {Errno::pipe, 0};
    if (*taken == 0) return {Errno::again, 0};
    allowance_.use(*taken);
    return {Errno::success, *taken};
  }
  bool readable() const override { return true; }
  bool writable() const override {
    return *writer_ == nullptr || (*writer_)->credit() > 0 || (*writer_)->reader_left().has_value();
  }
  void on_readable(io::Callback) override {}
  void on_writable(io::Callback callback) override {
    if (*writer_ != nullptr) (*writer_)->on_ready(std::move(callback));
  }

 private:
  Link<io::PipeWriter> writer_;
  Allowance allowance_;
};

class RopeInput : public Descriptor {
 public:
  RopeInput(io::Loop& loop, Rope rope) : loop_(loop), rope_(std::move(rope)) {}
  Transfer read(MutableView into) override {
    std::size_t size = rope_.copy_to(into);
    rope_.drop_front(size);
    return {Errno::success, size};
  }
  Transfer write(View) override { return {Errno::badf, 0}; }
  bool readable() const override { return true; }
  bool writable() const override { return true; }
  std::size_t available() const override { return rope_.size(); }
  void on_readable(io::Callback callback) override { loop_.post(std::move(callback)); }
  void on_writable(io::Callback callback) override { loop_.post(std::move(callback)); }

 private:
  io::Loop& loop_;
  Rope rope_;
};

// Both take all they are given: what is collected, and what is sunk.
class TakingOutput : public Descriptor {
 public:
  // `sink` answers whether anybody still takes it.
  TakingOutput(io::Loop& loop, std::function<bool(View)> sink, OutputLimit limit)
      : loop_(loop), sink_(std::move(sink)), allowance_(std::move(limit)) {}
  Transfer read(MutableView) override { return {Errno::badf, 0}; }
  Transfer write(View from) override {
    if (from.empty()) return {};
    std::size_t allowed = allowance_.clip(from.size());
    if (allowed == 0) {
      allowance_.exceed();
      return {Errno::fbig, 0};
    }
    if (!sink_(from.first(allowed))) return {Errno::pipe, 0};
    allowance_.use(allowed);
    return {Errno::success, allowed};
  }
  bool readable() const override { return true; }
  bool writable() const override { return true; }
  void on_readable(io::Callback callback) override { loop_.post(std::move(callback)); }
  void on_writable(io::Callback callback) override { loop_.post(std::move(callback)); }

 private:
  io::Loop& loop_;
  std::function<bool(View)> sink_;
  Allowance allowance_;
};

}  // namespace

DescriptorPtr pipe_input(Link<io::PipeReader> reader) { return std::make_unique<PipeInput>(std::move(reader)); }

DescriptorPtr pipe_output(Link<io::PipeWriter> writer, OutputLimit limit) {
  return std::make_unique<PipeOutput>(std::move(writer), std::move(limit));
}

DescriptorPtr rope_input(io::Loop& loop, Rope rope) { return std::make_unique<RopeInput>(loop, std::move(rope)); }

DescriptorPtr rope_output(io::Loop& loop, Link<io::RopeBuilder> builder, OutputLimit limit) {
  auto sink = [builder = std::move(builder)](View bytes) {
    if (*builder == nullptr) return false;
    (*builder)->append_copy(bytes);
    return true;
  };
  return std::make_unique<TakingOutput>(loop, std::move(sink), std::move(limit));
}

DescriptorPtr sink_output(io::Loop& loop, std::function<void(View)> sink) {
  auto taking = [sink = std::move(sink)](View bytes) {
    sink(bytes);
    return true;
  };
  return std::make_unique<TakingOutput>(loop, std::move(taking), OutputLimit{});
}

}  // namespace myelin::kernel
