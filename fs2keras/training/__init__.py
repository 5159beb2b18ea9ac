"""Training for every family: what a Task hands over is fitted, logged, saved and resumed exactly. Names no family."""
