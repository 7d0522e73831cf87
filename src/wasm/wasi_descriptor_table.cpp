#include "wasm/wasi_descriptor_table.hpp"

#include "base/check.hpp"

#include <utility>

namespace myelin::wasm::wasi {

namespace {

class NullDescriptor final : public Descriptor {
 public:
  explicit NullDescriptor() = default;
  Transfer read(MutableView) override { return {}; }
  Transfer write(View from) override { return {Errno::success, from.size()}; }
  bool readable() const override { return true; }
  bool writable() const override { return true; }
  // Never needed: neither direction answers `again`.
  void on_readable(io::Callback) override {}
  void on_writable(io::Callback) override {}
  std::size_t available() const override { return 0; }
  std::uint8_t file_type() const override { return 2; }
};

}  // namespace

std::unique_ptr<Descriptor> null_descriptor() { return std::make_unique<NullDescriptor>(); }

DescriptorTable::Entry* DescriptorTable::find(std::uint32_t number) {
  if (number >= entries_.size() || !entries_[number].descriptor) return nullptr;
  return &entries_[number];
}

void DescriptorTable::bind(std::uint32_t number, std::unique_ptr<Descriptor> descriptor) {
  MYELIN_CHECK(number < capacity_, "a descriptor is bound within the table's capacity");
  MYELIN_CHECK(descriptor != nullptr, "a number is bound to a descriptor");
  if (number >= entries_.size()) entries_.resize(number + 1);
  entries_[number] = Entry{.descriptor = std::move(descriptor)};
}

Errno DescriptorTable::close(std::uint32_t number) {
  Entry* entry = find(number);
  if (!entry) return Errno::badf;
  // Out of the table first: the descriptor's end may look at the table.
  const Entry closed = std::exchange(*entry, Entry{});
  return Errno::success;
}

Errno DescriptorTable::renumber(std::uint32_t from, std::uint32_t to) {
  Entry* source = find(from);
  Entry* target = find(to);
  if (!source || !target) return Errno::badf;
  if (from == to) return Errno::success;
  const Entry closed = std::exchange(*target, std::exchange(*source, Entry{}));
  return Errno::success;
}

}  // namespace myelin::wasm::wasi
