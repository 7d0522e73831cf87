#include "wasm/engine.hpp"

int main(int argc, char** argv) { return myelin::wasm::compile_main(argc, argv); }
