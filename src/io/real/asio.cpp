// Asio's own code, compiled once for the whole program (the build defines BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
