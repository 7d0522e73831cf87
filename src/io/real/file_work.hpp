// The blocking work of Files, one function each, as plain system calls. Errors: io with the errno as detail.
// Thread: any that may block.
#pragma once

#include "io/files.hpp"

#include <string>
#include <vector>

namespace myelin::io::real {

// Error too_large if there are more than `max` bytes.
Result<Buffer> read_file(const std::string& path, std::size_t max);
// Writes `temporary` (new, in the same directory), syncs it, renames it to `path`, syncs the directory. `mode` is set
// whatever the umask. On an error `temporary` is removed and `path` is as before.
Result<void> write_file(const std::string& path, const std::string& temporary, View bytes, std::uint32_t mode);
Result<FileInfo> file_info(const std::string& path);
// All missing directories of `path`, each with `mode` (less the umask).
Result<void> make_directory_chain(const std::string& path, std::uint32_t mode);
// A file or an empty directory.
Result<void> remove_path(const std::string& path);
// Names, sorted, without "." and "..".
Result<std::vector<std::string>> list_directory(const std::string& path);

}  // namespace myelin::io::real
