// One loop's Files in the simulated world: each operation takes a drawn time, and happens at its end.
//
// So what a crash interrupts has not happened. Lifetime: as its loop, which outlives all that uses it; so its member
// coroutines may refer to it.
#pragma once

#include "io/files.hpp"
#include "io/loop.hpp"
#include "io/simulated/disk.hpp"
#include "io/simulated/random.hpp"

namespace myelin::io::simulated {

class SimulatedFiles final : public Files {
 public:
  SimulatedFiles(Loop& loop, Disk& disk, Random& random) : loop_(loop), disk_(disk), random_(random) {}

  Task<Result<Buffer>> read(std::string path, std::size_t max) override;
  Task<Result<void>> write_atomic(std::string path, Buffer bytes, std::uint32_t mode) override;
  Task<Result<FileInfo>> info(std::string path) override;
  Task<Result<void>> make_directories(std::string path, std::uint32_t mode) override;
  Task<Result<void>> remove(std::string path) override;
  Task<Result<std::vector<std::string>>> list(std::string path) override;

 private:
  Task<Result<void>> wait_for_device();

  Loop& loop_;
  Disk& disk_;
  Random& random_;
};

}  // namespace myelin::io::simulated
