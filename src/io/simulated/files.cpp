#include "io/simulated/files.hpp"

#include "io/simulated/loop.hpp"
#include "io/sync.hpp"

#include <utility>

namespace myelin::io::simulated {

Task<Result<void>> SimulatedFiles::wait_for_device() { return sleep_for(loop_, device_time(random_)); }

Task<Result<Buffer>> SimulatedFiles::read(std::string path, std::size_t max) {
  (void)co_await wait_for_device();
  co_return disk_.read(path, max);
}

Task<Result<void>> SimulatedFiles::write_atomic(std::string path, Buffer bytes, std::uint32_t mode) {
  (void)co_await wait_for_device();
  co_return disk_.write(path, std::move(bytes), mode);
}

Task<Result<FileInfo>> SimulatedFiles::info(std::string path) {
  (void)co_await wait_for_device();
  co_return disk_.info(path);
}

Task<Result<void>> SimulatedFiles::make_directories(std::string path, std::uint32_t mode) {
  (void)co_await wait_for_device();
  co_return disk_.make_directories(path, mode);
}

Task<Result<void>> SimulatedFiles::remove(std::string path) {
  (void)co_await wait_for_device();
  co_return disk_.remove(path);
}

Task<Result<std::vector<std::string>>> SimulatedFiles::list(std::string path) {
  (void)co_await wait_for_device();
  co_return disk_.list(path);
}

}  // namespace myelin::io::simulated
