// What is visible of Myelin's shared library: declarations marked MYELIN_API.
#pragma once

#define MYELIN_API __attribute__((visibility("default")))
