#include "checkpoint/tensor_names.h"
