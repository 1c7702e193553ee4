// Questions to begin with. Small models can do little, and get easy ones.
const kSmall = 200e6; // parameters

export const isSmall = (parameters: number | undefined): boolean => parameters !== undefined && parameters < kSmall;

const kForSmall = [
  'What is 7 + 5?',
  'What is the capital of France?',
  'Write a short story about a fox and a drum.',
  'Count from 3 to 12.',
];

const kForLarge = [
  'Explain why the sky is blue, for a child of eight.',
  'Write a Python function that finds all primes below n, and say how fast it is.',
  'Derive the formula for the sum of the first n squares.',
  'Plan three simple dinners with what most kitchens have.',
];

export const examplesFor = (parameters: number | undefined): readonly string[] =>
  isSmall(parameters) ? kForSmall : kForLarge;
