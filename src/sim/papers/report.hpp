// Report: the papers' tables beside ours, as Markdown, with drawings, and the gates that must hold.
//
// Thread: one.
#pragma once

#include "sim/papers/experiments.hpp"

#include <map>
#include <string>
#include <vector>

namespace myelin::sim::papers {

struct Results {
  Setting setting = {};
  Figures hyparview;   // flood_over_hyparview
  Figures cyclon;      // gossip_over_cyclon
  Figures plumtree;    // plumtree
  Figures optimised3;  // of one sender, threshold 3
  Figures optimised7;  // of many, threshold 7
};

// From the figures of all experiments, each under its name.
Results results_of(const Figures& figures);

struct Gate {
  std::string name;
  std::string wanted;
  std::string ours;
  bool holds = false;
};
// What must hold at 10,000 nodes.
std::vector<Gate> gates(const Results& results);

std::string markdown(const Results& results, const std::vector<Gate>& gates);
// File name and drawing.
std::map<std::string, std::string> drawings(const Results& results);

}  // namespace myelin::sim::papers
