"""fs2-tui: a training monitor for the terminal. It draws what `fs2keras.rundir` knows, and writes nothing."""
