//! How an interface is set up to be listened to, and put back.
