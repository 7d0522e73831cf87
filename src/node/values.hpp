// Values of the configuration as text: durations (`250ms`), sizes (`64MiB`), counts, flags, choices.
//
// Every read_… has a write_… that gives the text back. Pure. Thread: values.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::node {

// As base/units.hpp, with the error in words. Errors: bad_request.
Result<Duration> read_duration(std::string_view text);
std::string write_duration(Duration value);
Result<std::uint64_t> read_size(std::string_view text);
std::string write_size(std::uint64_t bytes);
// Errors: bad_request (not a whole number, over `max`).
Result<std::uint64_t> read_count(std::string_view text, std::uint64_t max);
// A decimal number from 0 to 10^9. Errors: bad_request.
Result<double> read_rate(std::string_view text);
std::string write_rate(double value);
// `true` or `false`. Errors: bad_request.
Result<bool> read_flag(std::string_view text);

// The candidate that `text` was most likely meant to be; empty if none is near.
std::string nearest(std::string_view text, const std::vector<std::string>& candidates);
// " (did you mean 'x'?)", or nothing.
std::string suggestion(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace myelin::node
