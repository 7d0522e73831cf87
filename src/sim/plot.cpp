// Curves as an SVG drawing: axes with round numbers, one line for each curve, a legend.
#include "myelin/simulation/simulation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

namespace myelin::simulation {
namespace {

constexpr double width = 720, height = 420, left = 78, right = 20, top = 40, bottom = 48;
constexpr std::array<std::string_view, 8> colours{"#1f77b4", "#d62728", "#2ca02c", "#9467bd",
                                                  "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f"};

std::string number(double value) {
  std::array<char, 48> text{};
  const double magnitude = std::fabs(value);
  if (magnitude >= 1e7 || (magnitude > 0 && magnitude < 1e-3)) {
    std::snprintf(text.data(), text.size(), "%.3g", value);
  } else {
    std::snprintf(text.data(), text.size(), "%.6g", value);
  }
  return text.data();
}
std::string at(double value) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out;
}

struct Axis {
  double low = std::numeric_limits<double>::infinity(), high = -low, step = 1;
  void take(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // Ends on multiples of 1, 2 or 5 times a power of ten.
  void round() {
    if (!(low <= high)) low = 0, high = 1;
    if (low > 0 && low < high / 2) low = 0;
    if (high - low <= 0) high = low + std::max(1.0, std::fabs(low));
    const double rough = (high - low) / 5;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    const double unit = rough / power;
    step = power * (unit <= 1 ? 1 : unit <= 2 ? 2 : unit <= 5 ? 5 : 10);
    low = std::floor(low / step) * step;
    high = std::ceil(high / step) * step;
  }
  double part(double value) const { return (value - low) / (high - low); }
};

double x_of(const Axis& axis, double value) { return left + axis.part(value) * (width - left - right); }
double y_of(const Axis& axis, double value) { return height - bottom - axis.part(value) * (height - top - bottom); }

std::string text_at(double x, double y, std::string_view anchor, std::string_view text, int size = 12) {
  return "<text x=\"" + at(x) + "\" y=\"" + at(y) + "\" text-anchor=\"" + std::string(anchor) + "\" font-size=\"" +
         std::to_string(size) + "\">" + escaped(text) + "</text>\n";
}

std::string grid(const Axis& x, const Axis& y) {
  std::string svg;
  const auto line = [&svg](double x1, double y1, double x2, double y2) {
    svg += "<line x1=\"" + at(x1) + "\" y1=\"" + at(y1) + "\" x2=\"" + at(x2) + "\" y2=\"" + at(y2) +
           "\" stroke=\"#ddd\"/>\n";
  };
  const auto steps = [](const Axis& axis) { return static_cast<int>(std::lround((axis.high - axis.low) / axis.step)); };
  for (int i = 0; i <= steps(y); ++i) {
    const double value = y.low + i * y.step;
    line(left, y_of(y, value), width - right, y_of(y, value));
    svg += text_at(left - 8, y_of(y, value) + 4, "end", number(value));
  }
  for (int i = 0; i <= steps(x); ++i) {
    const double value = x.low + i * x.step;
    line(x_of(x, value), top, x_of(x, value), height - bottom);
    svg += text_at(x_of(x, value), height - bottom + 18, "middle", number(value));
  }
  return svg + text_at((left + width - right) / 2, height - 10, "middle", "seconds");
}

}  // namespace

std::string plot_svg(std::string_view title, std::span<const Simulation::Curve> curves) {
  Axis x, y;
  for (const auto& curve : curves)
    for (const auto& [px, py] : curve.points) x.take(px), y.take(py);
  x.round();
  y.round();
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(width) + " " + number(height) +
                    "\" font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  svg += text_at(width / 2, 24, "middle", title, 15) + grid(x, y);
  std::size_t index = 0;
  for (const auto& curve : curves) {
    const std::string_view colour = colours[index % colours.size()];
    svg += "<polyline fill=\"none\" stroke-width=\"1.6\" stroke=\"" + std::string(colour) + "\" points=\"";
    for (const auto& [px, py] : curve.points)
      if (std::isfinite(px) && std::isfinite(py)) svg += at(x_of(x, px)) + ',' + at(y_of(y, py)) + ' ';
    svg += "\"/>\n";
    if (curves.size() > 1) {
      const double line = top + 14 + 16 * static_cast<double>(index);
      svg += "<rect x=\"" + at(width - right - 12) + "\" y=\"" + at(line - 9) +
             "\" width=\"10\" height=\"10\" fill=\"" + std::string(colour) + "\"/>\n" +
             text_at(width - right - 18, line, "end", curve.name);
    }
    ++index;
  }
  return svg + "</svg>\n";
}

}  // namespace myelin::simulation
