#include "sim/papers/report.hpp"

#include "myelin/simulation/simulation.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace myelin::sim::papers {

namespace {

using Curve = simulation::Simulation::Curve;

std::string number(double value, const char* format) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}
std::string percent(double share) { return number(100 * share, "%.2f %%"); }
// Of the last ten, once things have settled.
double late(const std::vector<double>& values) {
  const auto count = std::min<std::size_t>(10, values.size());
  return mean({values.end() - static_cast<std::ptrdiff_t>(count), values.end()});
}

std::string row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& each : cells) text += " " + each + " |";
  return text + "\n";
}

std::string setting(const Results& results) {
  const Setting& s = results.setting;
  return "Everything below was measured by `make papers` on the protocols that ship (`myelin/protocols.hpp`), in the "
         "overlay simulator, from seed " +
         std::to_string(s.seed) + ": " + std::to_string(s.nodes) +
         " nodes that join one by one through one contact, with no cycle in between; then " +
         std::to_string(s.stabilise) +
         " cycles, in each of which every node takes its turn once, in random order. Parameters are the papers': "
         "active "
         "view 5, passive view 30, ARWL 6, PRWL 3, ka 3, kp 4; Cyclon: view 35, shuffle 14, walks of 5; fanout 4; "
         "Plumtree: timeout1 3 s, timeout2 500 ms, IHAVEs at once. The "
         "same command writes the same bytes.\n\n"
         "**The simulation model.** Messages take 10 ms, one way, where nothing else is said. A node that fails resets "
         "its connections, and its neighbours hear that one latency later: TCP as the failure detector, which is what "
         "HyParView assumes. The papers used PeerSim with cycles: messages take no time, and what a node has not sent "
         "to, it has not noticed to be gone (HyParView), or it notices in the next membership cycle (Plumtree).\n\n"
         "HyParView is the one that ships, with what it does beyond the paper for crowds, for overlays at rest and for "
         "nodes that a failure leaves nobody (HyParViewParameters in protocols.hpp says it all): a JOIN takes the "
         "place "
         "of one that came just before it, a node that all have refused leaves one place free instead of asking in "
         "each cycle, and one that has lost all it knew tries those that its passive view held some cycles ago.\n\n";
}

std::string gate_table(const std::vector<Gate>& gates) {
  std::string text = "## What must hold\n\n" + row({"", "wanted", "ours", ""}) + "|---|---|---|---|\n";
  for (const Gate& each : gates) text += row({each.name, each.wanted, each.ours, each.holds ? "holds" : "**missed**"});
  return text + "\n";
}

std::string hyparview_section(const Results& results) {
  const Figures& h = results.hyparview;
  const Figures& c = results.cyclon;
  std::string text = "## HyParView, Table 1: the overlay after " + std::to_string(results.setting.stabilise) +
                     " cycles\n\n" +
                     row({"", "average clustering coefficient", "average shortest path", "maximum hops to delivery"}) +
                     "|---|---|---|---|\n";
  text += row({"Cyclon, paper", "0.006836", "2.60426", "10.6"});
  text += row({"Cyclon, ours", number(c.one("clustering"), "%.6f"), number(c.one("path"), "%.5f"),
               number(mean(c.all("hops")), "%.1f")});
  text += row({"HyParView, paper", "0.00092", "6.38542", "9.0"});
  text += row({"HyParView, ours", number(h.one("clustering"), "%.5f"), number(h.one("path"), "%.5f"),
               number(mean(h.all("hops")), "%.1f")});
  text +=
      "\nCyclon's graph counts as undirected, as the paper's figures do. Hops are those of the last delivery, the "
      "mean of 20 broadcasts (flood over HyParView, gossip with fanout 4 over Cyclon); the origin has 0 and those "
      "that it sends to have 1. The paper seems to count one more. Of our nodes " +
      percent(h.one("degree5")) + " have exactly five neighbours; the graph's diameter is " +
      number(h.one("diameter"), "%.0f") + ". The clustering is that of a random graph of the same degree (5/" +
      std::to_string(results.setting.nodes) + " = " + number(5.0 / static_cast<double>(results.setting.nodes), "%.4f") +
      "); the paper's is about twice that.\n\n";
  return text;
}

std::string failures_section(const Results& results) {
  const Figures& h = results.hyparview;
  const Figures& c = results.cyclon;
  std::string text =
      "## HyParView, Figure 2: reliability after massive failures\n\n"
      "So many per cent of the nodes fail at once. Reliability is the share of the living that deliver: of one message "
      "sent in the same instant, before anybody can know, and the mean of " +
      std::to_string(results.setting.messages) +
      " messages sent before the next cycle. Healing is the number of cycles until 10 messages reach 99.9 %.\n\n" +
      row({"failed", "HyParView, at once", "HyParView", "worst message", "largest component", "cycles to heal",
           "Cyclon, fanout 4"}) +
      "|---|---|---|---|---|---|---|\n";
  for (const int each : hyparview_failures()) {
    const std::string fail = "fail" + std::to_string(each) + "/";
    const auto& all = h.all(fail + "reliability");
    text += row({std::to_string(each) + " %", percent(h.one(fail + "at_once")), percent(mean(all)),
                 percent(*std::min_element(all.begin(), all.end())), percent(h.one(fail + "component")),
                 number(h.one(fail + "healing"), "%.0f"), percent(mean(c.all(fail + "reliability")))});
  }
  text +=
      "\nThe paper: almost no visible effect below 90 %, about 90 % of the living at 95 %, healed within 1 to 2 cycles "
      "below 80 %; Cyclon below 50 % once more than 40 % have failed. Of HyParView ours says the same: the reactive "
      "step runs as soon as connections break, so that nothing is left for the next cycle to heal. (A message that was "
      "sent in the very instant of the failure went over links that were broken already.) At 95 % ours reaches more: "
      "of "
      "35 known nodes none is left to 17 in 100 of the living, and one in 25 is also known to nobody who is; the notes "
      "of older passive views bring back most of them. Gossip over Cyclon loses that share of its fanout that has "
      "failed, and dies out where fewer than one copy of four arrives; in the paper "
      "it loses more, and earlier.\n\n![reliability after failures](papers/reliability.svg)\n\n";
  return text;
}

std::string plumtree_row(const std::string& name, const std::string& paper, const Figures& figures,
                         const std::string& of) {
  const double payload = figures.all(of + "/payload").back(), control = figures.all(of + "/control").back();
  return row({name, paper, number(payload, "%.0f"), number(control, "%.0f"), number(payload + control, "%.0f"),
              number(late(figures.all(of + "/hops")), "%.1f"), number(late(figures.all(of + "/optimised")), "%.0f")});
}

// Which of the broadcasts from the third on had payloads too many, and how many links their cycles had made.
std::string extra_payloads(const Figures& figures) {
  std::size_t broadcasts = 0, with = 0;
  double payloads = 0, links = 0;
  for (const std::string sender : {"ss/", "ms/"}) {
    const auto& redundancy = figures.all(sender + "rmr");
    const auto& payload = figures.all(sender + "payload");
    const auto& made = figures.all(sender + "links");
    broadcasts += redundancy.size() - std::min<std::size_t>(2, redundancy.size());
    for (std::size_t i = 2; i < redundancy.size(); ++i) {
      if (redundancy[i] == 0) continue;
      ++with;
      payloads += payload[i] - payload[i] / (1 + redundancy[i]);
      links += made.at(i);
    }
  }
  if (with == 0)
    return "No later broadcast has a message too many. A few nodes still have a place free, here as in the paper (its "
           "39984 eager payloads are 17 places free, ours stand in the first row); a node that all have refused leaves "
           "one place free, so that no new link closes a circle in the tree.";
  return "Of the " + std::to_string(broadcasts) + " later ones, both rows together, " + std::to_string(with) +
         " have messages too many: " + number(payloads, "%.0f") + " in all, after cycles that made " +
         number(links, "%.0f") +
         " links. After 50 cycles a few nodes still have a place free, here as in the paper (its 39984 eager payloads "
         "are 17 places free, ours stand in the first row); a node that lacks more than one asks for neighbours in "
         "every "
         "cycle, and when it finds one, the new link is eager at both ends, as Plumtree wants it. It closes a circle "
         "in the "
         "tree; the next broadcast meets itself on it, which costs at most two payloads, and the PRUNEs open the "
         "circle where they met.";
}

std::string plumtree_section(const Results& results) {
  const Figures& h = results.hyparview;
  const Figures& p = results.plumtree;
  const std::string head =
      row({"", "paper: payload / control", "payload", "control", "total", "last delivery hop", "links exchanged"}) +
      "|---|---|---|---|---|---|---|\n";
  std::string text = "## Plumtree, Table 1: messages received, cycle 100\n\n" + head;
  text += row({"Eager", "39984 / 0", number(mean(h.all("payload")), "%.0f"), "0",
               number(mean(h.all("payload")), "%.0f"), number(mean(h.all("hops")), "%.1f"), ""});
  text += plumtree_row("Plumtree, one sender", "9999 / 29987.33", p, "ss");
  text += plumtree_row("Plumtree, many senders", "9999 / 29990.00", p, "ms");
  text += plumtree_row("optimised, one sender, threshold 3", "9999 / 29989.33", results.optimised3, "ss");
  text += plumtree_row("optimised, many senders, threshold 7", "9999 / 38976.00", results.optimised7, "ms");
  const auto& rmr = p.all("ms/rmr");
  text +=
      "\nThe relative message redundancy (payload messages per node, less the one that is needed) of the first "
      "broadcasts of many senders: " +
      number(rmr.at(0), "%.3f") + ", " + number(rmr.at(1), "%.3f") + ", " + number(rmr.at(2), "%.3f") +
      ", …; the paper: eager 3, Plumtree 0 after at most 2 cycles. " + extra_payloads(p) +
      "\n\n"
      "The optimisation has less to do here than in the paper. With one latency for all links the first copy to "
      "arrive has also taken the fewest hops, so that the tree of the first broadcast is one of shortest paths; in "
      "the paper's simulator messages take no time, what arrives first is what was processed first, and the tree is "
      "deep. Where hops and time disagree the optimisation does what the paper says. The same again, with latencies "
      "drawn anew for each message between 1 and 100 ms:\n\n" +
      head;
  text += plumtree_row("Plumtree, one sender", "", p, "ssu");
  text += plumtree_row("Plumtree, many senders", "", p, "msu");
  text += plumtree_row("optimised, one sender, threshold 3", "", results.optimised3, "ssu");
  text += plumtree_row("optimised, many senders, threshold 7", "", results.optimised7, "msu");
  text +=
      "\nThe paper of the last delivery hop: eager and one sender least, many senders most, optimised clearly lower, "
      "about twice that of one sender.\n\n![last delivery hop](papers/last-delivery-hop.svg)\n\n"
      "![redundancy](papers/redundancy.svg)\n\n";
  return text;
}

std::string plumtree_failures_section(const Results& results) {
  const Figures& p = results.plumtree;
  std::string text =
      "## Plumtree: failures\n\nMassive failures, many senders: the first broadcast is sent in the instant of the "
      "failure, one more after each cycle.\n\n" +
      row({"failed", "reliability: at once", "1", "2", "7 cycles later", "RMR: at once", "1", "2", "7",
           "last delivery hop: 7"}) +
      "|---|---|---|---|---|---|---|---|---|---|\n";
  for (const int each : plumtree_failures()) {
    const std::string fail = "fail" + std::to_string(each) + "/";
    const auto& reliability = p.all(fail + "reliability");
    const auto& rmr = p.all(fail + "rmr");
    text += row({std::to_string(each) + " %", percent(reliability.at(0)), percent(reliability.at(1)),
                 percent(reliability.at(2)), percent(reliability.at(7)), number(rmr.at(0), "%.3f"),
                 number(rmr.at(1), "%.3f"), number(rmr.at(2), "%.3f"), number(rmr.at(7), "%.3f"),
                 number(p.all(fail + "hops").at(7), "%.0f")});
  }
  text +=
      "\nIn the paper the broadcast at once reaches next to nobody above 70 %, and later ones do again within a few "
      "cycles: there nobody learns of a failure before the next membership cycle. Here connections break within one "
      "latency, HyParView replaces its links, and Plumtree asks over them for what was announced: a broadcast that is "
      "under way at that time arrives late, but arrives, unless all that its origin sent went to nodes that are no "
      "more, which is likely above 70 % here too. The next broadcast reaches everybody. That the two papers differ "
      "from "
      "each other in the same way (HyParView's: nearly 100 % at 80 %) comes from their models.\n\n";
  const auto& reliability = p.all("constant/reliability");
  text += "Constant failures, " + std::to_string(results.setting.nodes / 200) + " nodes in each of " +
          std::to_string(reliability.size()) + " cycles: mean reliability " + percent(mean(reliability)) + ", worst " +
          percent(*std::min_element(reliability.begin(), reliability.end())) + "; mean RMR " +
          number(mean(p.all("constant/rmr")), "%.4f") +
          ". The paper: 100 %, RMR slightly above 0.\n\n"
          "![Plumtree after failures](papers/plumtree-failures.svg)\n";
  return text;
}

Curve series(const std::string& name, const std::vector<double>& values) {
  Curve curve{name, {}};
  for (std::size_t i = 0; i < values.size(); ++i) curve.points.emplace_back(static_cast<double>(i + 1), values[i]);
  return curve;
}
Curve over_failures(const std::string& name, const Figures& figures, const std::vector<int>& failures,
                    const std::string& what) {
  Curve curve{name, {}};
  for (const int each : failures)
    curve.points.emplace_back(each, 100 * mean(figures.all("fail" + std::to_string(each) + "/" + what)));
  return curve;
}
std::string draw(const std::string& title, const std::string& x, const std::vector<Curve>& curves) {
  std::string svg = simulation::plot_svg(title, curves);
  const std::string label = ">seconds<";
  if (const auto at = svg.find(label); at != std::string::npos) svg.replace(at, label.size(), ">" + x + "<");
  return svg;
}

}  // namespace

std::string markdown(const Results& results, const std::vector<Gate>& gates) {
  return "# The papers' tables\n\n" + setting(results) + gate_table(gates) + hyparview_section(results) +
         failures_section(results) + plumtree_section(results) + plumtree_failures_section(results);
}

std::map<std::string, std::string> drawings(const Results& results) {
  const Figures& p = results.plumtree;
  std::vector<Curve> failing;
  for (const int each : plumtree_failures())
    failing.push_back(
        series(std::to_string(each) + " % failed", p.all("fail" + std::to_string(each) + "/reliability")));
  for (Curve& curve : failing)
    for (auto& [x, y] : curve.points) y *= 100;
  return {
      {"reliability.svg",
       draw("Reliability after massive failures (% of the living)", "% failed",
            {over_failures("HyParView", results.hyparview, hyparview_failures(), "reliability"),
             over_failures("HyParView, in the same instant", results.hyparview, hyparview_failures(), "at_once"),
             over_failures("Cyclon, fanout 4", results.cyclon, cyclon_failures(), "reliability")})},
      {"last-delivery-hop.svg",
       draw("Last delivery hop, latencies of 1 to 100 ms", "broadcast",
            {series("one sender", p.all("ssu/hops")), series("many senders", p.all("msu/hops")),
             series("optimised, one sender", results.optimised3.all("ssu/hops")),
             series("optimised, many senders", results.optimised7.all("msu/hops"))})},
      {"redundancy.svg", draw("Relative message redundancy", "broadcast",
                              {series("one sender", p.all("ss/rmr")), series("many senders", p.all("ms/rmr")),
                               series("eager", results.hyparview.all("rmr"))})},
      {"plumtree-failures.svg",
       draw("Plumtree: reliability, the first broadcast in the instant of the failure", "broadcast", failing)},
  };
}

}  // namespace myelin::sim::papers
