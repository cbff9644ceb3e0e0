/** How many, on a button that has its own words; `words` say of what. */
export function Count({ count, words }: { count: number; words: string }) {
  if (count === 0) return null;
  return (
    <span class="count">
      <span aria-hidden="true">{count}</span>
      <span class="unseen">{words}</span>
    </span>
  );
}
