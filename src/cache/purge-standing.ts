// Whether an instance may go by what it knows of the order of purges, or has to ask first.

/** Whether what is known may be gone by. */
export type PurgeStanding =
  | { readonly kind: 'unasked' }
  | {
      readonly kind: 'told';
      /** When it was asked for. */
      readonly askedAtMs: number;
      /** What announcements were heard on then, and how many had been. */
      readonly hearing: object | undefined;
      readonly heard: number;
    }
  /** Whoever comes next does not wait as long again, on the connection that it was asked on. */
  | { readonly kind: 'unreachable'; readonly sinceMs: number; readonly asked: object | undefined };
