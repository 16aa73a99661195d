"""The license file as a language: grammar, values, parser, writer, canonical form, signature, trust, host ids, lint."""
