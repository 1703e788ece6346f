"""Virtual Jetsons: QEMU guests and systemd containers, from power-on to ssh."""
