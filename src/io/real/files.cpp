#include "io/files.hpp"

#include "io/real/file_work.hpp"
#include "io/real/loop_core.hpp"

#include <utility>

namespace myelin::io::real {

namespace {

// Runs `work` on the loop's threads and gives its result. The result lies in the frame, which waits for it.
template <typename T, typename Work>
Task<Result<T>> off(LoopCore* loop, Work work) {
  std::optional<Result<T>> result;
  co_await io::offload(*loop, [&result, &work] { result = work(); });
  co_return std::move(*result);
}

class RealFiles final : public Files {
 public:
  explicit RealFiles(LoopCore& loop) : loop_(loop) {}

  Task<Result<Buffer>> read(std::string path, std::size_t max) override {
    return off<Buffer>(&loop_, [path = std::move(path), max] { return read_file(path, max); });
  }
  Task<Result<void>> write_atomic(std::string path, Buffer bytes, std::uint32_t mode) override {
    std::string temporary = path + ".tmp-" + std::to_string(loop_.random_u64());
    return off<void>(&loop_, [path = std::move(path), temporary = std::move(temporary), bytes = std::move(bytes),
                              mode] { return write_file(path, temporary, bytes.view(), mode); });
  }
  Task<Result<FileInfo>> info(std::string path) override {
    return off<FileInfo>(&loop_, [path = std::move(path)] { return file_info(path); });
  }
  Task<Result<void>> make_directories(std::string path, std::uint32_t mode) override {
    return off<void>(&loop_, [path = std::move(path), mode] { return make_directory_chain(path, mode); });
  }
  Task<Result<void>> remove(std::string path) override {
    return off<void>(&loop_, [path = std::move(path)] { return remove_path(path); });
  }
  Task<Result<std::vector<std::string>>> list(std::string path) override {
    return off<std::vector<std::string>>(&loop_, [path = std::move(path)] { return list_directory(path); });
  }

 private:
  LoopCore& loop_;
};

}  // namespace

std::unique_ptr<Files> make_files(LoopCore& loop) { return std::make_unique<RealFiles>(loop); }

}  // namespace myelin::io::real
