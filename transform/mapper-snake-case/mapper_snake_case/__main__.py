"""Run the mapper as `python -m mapper_snake_case`."""

from mapper_snake_case.mapper import MapperSnakeCase

MapperSnakeCase.cli()
