// What talk says, in each language that it speaks; the first is for everybody else.

export const WORDS = {
  en: { talk: "Talk", stands: "Chat, raised hands and reactions stand beside the stage." },
  de: { talk: "Unterhaltung", stands: "Chat, gehobene Hände und Reaktionen stehen neben der Bühne." },
  es: { talk: "Conversación", stands: "El chat, las manos levantadas y las reacciones están junto al escenario." },
  ar: { talk: "محادثة", stands: "الدردشة ورفع اليد والتفاعلات بجانب مساحة العرض." },
};
