// The samplers of OTEL_TRACES_SAMPLER:
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration

import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace';
import type { SamplerName } from './sdk-options.ts';

export function createSampler(name: SamplerName, ratio: number): Sampler {
  const parentBased = name.startsWith('parentbased_');
  const root = rootSampler(parentBased ? name.slice('parentbased_'.length) : name, ratio);
  return parentBased ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === 'always_on') return new AlwaysOnSampler();
  if (name === 'always_off') return new AlwaysOffSampler();
  return new TraceIdRatioBasedSampler(ratio);
}
