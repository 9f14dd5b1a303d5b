// Loaded into the service by the demo: the service drains when the demo goes away, however it went.

const drain = (): void => void process.kill(process.pid, "SIGTERM");
if (process.connected) process.once("disconnect", drain);
else drain();
