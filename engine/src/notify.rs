//! What systemd is told: ready, alive, reloading, stopping.
