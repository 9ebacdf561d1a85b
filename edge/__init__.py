"""The edge agent: registers in, signed readings out. It asks meters, forms quarter hours, signs, keeps and sends them."""

VERSION = "0.1.0"
