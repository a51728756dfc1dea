//! AF_XDP: frames straight from a queue of the interface into memory that we share with the kernel.
