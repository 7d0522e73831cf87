// Inside: what the public classes of this folder show each other of themselves.
//
// Thread: any; what is shown has rules of its own.
#pragma once

#include "myelin/node.hpp"

namespace myelin::node {
class Node;
}

namespace myelin::embed {

struct Inside {
  // The node that runs in it.
  static node::Node& node(Node& shown);
};

}  // namespace myelin::embed
