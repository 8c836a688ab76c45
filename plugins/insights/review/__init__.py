"""Quality review: sampled answers, what people say of them, and the figures that follow."""
