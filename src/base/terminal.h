// Properties of a terminal: colours and width.
#pragma once

namespace ferrum {

// Whether `descriptor` is a terminal that shows colours and neither NO_COLOR (not empty: no-color.org) nor
// TERM=dumb is set.
bool shows_colours(int descriptor);

// The width in columns of the terminal at `descriptor`; `otherwise` if that is unknown.
int columns_of(int descriptor, int otherwise);

}  // namespace ferrum
