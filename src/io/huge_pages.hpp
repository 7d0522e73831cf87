// A heap in huge pages, for programs that walk over much memory: at hundreds of megabytes in random order the processor
// waits for page tables.
//
// The C library takes this setting (glibc's tunable glibc.malloc.hugetlb) from the environment, when a program starts,
// and from nowhere else. So the program starts itself anew.
#pragma once

#include <string>

namespace myelin::io {

// Replaces this program by itself, with the same arguments and the tunable added to its environment, unless the
// environment says something of it already. Returns if there is nothing to do, or it can't be done (another C library,
// no /proc): then the heap is as it was. Children inherit the environment. Call it first in main(), before anything was
// written or opened, with its argv.
void restart_with_huge_pages(char** argv);

// What GLIBC_TUNABLES is to be; the same if it names the tunable already.
std::string with_huge_pages(std::string tunables);

}  // namespace myelin::io
