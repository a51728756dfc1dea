//! TPACKET_V3: the way to receive where AF_XDP is not to be had.
