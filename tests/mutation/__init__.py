# SPDX-License-Identifier: Apache-2.0
"""Mutation check: change the code in one place that matters, and see that a test fails.

``python -m tests.servers -- python -m tests.mutation [NAME ...]`` applies the mutants of ``table`` one at a time to a
copy of the tree, runs the tests that each names, and prints which of them survive. The exit code is 0 if none does. It
takes long and is not part of ``make test``; a unit test only checks that each mutant still fits the code.
"""
