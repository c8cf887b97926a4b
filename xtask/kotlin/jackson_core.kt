package com.fasterxml.jackson.core.type

abstract class TypeReference<T>
